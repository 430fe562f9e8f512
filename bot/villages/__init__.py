"""Villages: whole shops for one tester each, on the same server; in development only."""
