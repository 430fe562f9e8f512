"""The dialogues: what is asked next, without a clock, a socket or a file."""
