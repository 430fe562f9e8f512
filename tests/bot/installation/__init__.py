"""Tests of `bot.installation`."""
