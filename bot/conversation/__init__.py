"""One inbound hop in, one reply out."""
