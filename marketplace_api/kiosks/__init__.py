"""Kiosks, their agents and their cash."""
