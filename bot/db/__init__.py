"""Database engine and unit of work."""
