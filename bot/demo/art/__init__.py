"""Drawn pictures for demo products that nobody has photographed."""
