"""The database: its engine, sessions and the transactions of a hop."""
