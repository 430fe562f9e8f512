"""The shop itself: artisans, products, orders and payouts, independent of phones."""
