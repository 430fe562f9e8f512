"""Who uses the shop: artisans, API keys and help requests."""
