"""Amounts as Stripe's API counts them. `marketplace_api.payments.card_units` has the table of exceptions."""

from __future__ import annotations

from marketplace_api.payments.card_units import STEPS, units


class AmountError(ValueError):
    """An amount that one side cannot write."""


def to_stripe(amount: int, currency: str) -> int:
    """Our minor units as Stripe's. Raises AmountError if Stripe cannot charge exactly this amount."""
    ours, theirs = units(currency)
    stripes, rest = divmod(amount * theirs, ours)
    if rest or stripes % STEPS.get(currency, 1):
        raise AmountError(f"Stripe cannot charge {amount} minor units of {currency}")
    return stripes


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's minor units as ours. Raises AmountError if they are not a whole number of ours."""
    ours, theirs = units(currency)
    value, rest = divmod(amount * ours, theirs)
    if rest:
        raise AmountError(f"{amount} of Stripe are no whole number of minor units of {currency}")
    return value
