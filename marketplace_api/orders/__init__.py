"""Orders from placed to delivered: briefs, goods received, deadlines."""
