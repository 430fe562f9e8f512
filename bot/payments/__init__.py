"""Payouts to artisans and their reconciliation with the provider."""
