"""The kinds of state a dialogue is made of."""
