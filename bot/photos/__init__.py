"""Product photos: received by MMS or link, re-encoded and stored."""
