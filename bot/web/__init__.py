"""Pages and operator endpoints."""
