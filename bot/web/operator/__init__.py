"""The operator's console at `/operator`: pages for the people who run the shop."""
