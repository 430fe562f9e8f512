"""The shop itself: what is true of artisans, products, orders and payouts, phones or no phones."""
