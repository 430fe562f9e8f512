"""Conversations with people: one inbound hop in, one reply out."""
