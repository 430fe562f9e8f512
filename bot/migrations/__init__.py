"""Database migrations by Alembic, one history for all tables."""
