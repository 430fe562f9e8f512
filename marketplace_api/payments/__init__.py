"""The ledger and everything that moves money."""
