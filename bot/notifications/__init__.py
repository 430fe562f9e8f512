"""Notifications: the messages that people get about marketplace events."""
