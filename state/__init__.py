"""Stored state of the bot: sessions, people, messages, the outbox and the schedule."""
