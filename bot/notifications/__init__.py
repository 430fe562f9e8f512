"""Turns marketplace events into texts."""
