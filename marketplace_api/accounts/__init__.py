"""The users of the shop: artisans, API keys and help requests."""
