"""Flask commands for administration."""
