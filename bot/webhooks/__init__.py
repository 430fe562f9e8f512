"""Marketplace events pushed to webhook endpoints."""
