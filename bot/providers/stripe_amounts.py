"""Amounts as Stripe's API counts them.

Our amounts are in minor units, with as many digits as Babel gives a currency. Stripe's have two digits, except for the
currencies of `DIGITS`; and some of them must be whole, or end in a zero. Forint (HUF) and Taiwan dollars (TWD) have two
digits here: that they must be whole concerns Stripe's payments to our bank account alone.
https://docs.stripe.com/currencies
"""

from __future__ import annotations

from collections.abc import Mapping

from babel.numbers import get_currency_precision

_NONE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE = "BHD JOD KWD OMR TND"
DIGITS: Mapping[str, int] = dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)
"""The digits after the point in Stripe's amounts; two for every other currency."""
STEPS: Mapping[str, int] = dict.fromkeys(_THREE.split(), 10) | {"ISK": 100, "UGX": 100}
"""What an amount of Stripe must be a multiple of; 1 for every other currency. Card networks take no smaller parts."""


class AmountError(ValueError):
    """An amount that one side cannot write."""


def to_stripe(amount: int, currency: str) -> int:
    """Our minor units as Stripe's. Raises AmountError if Stripe cannot charge exactly this amount."""
    ours, theirs = _units(currency)
    stripes, rest = divmod(amount * theirs, ours)
    if rest or stripes % STEPS.get(currency, 1):
        raise AmountError(f"Stripe cannot charge {amount} minor units of {currency}")
    return stripes


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's minor units as ours. Raises AmountError if they are not a whole number of ours."""
    ours, theirs = _units(currency)
    value, rest = divmod(amount * ours, theirs)
    if rest:
        raise AmountError(f"{amount} of Stripe are no whole number of minor units of {currency}")
    return value


def _units(currency: str) -> tuple[int, int]:
    """How many of our minor units, and how many of Stripe's, are one whole unit of the currency."""
    return int(10 ** get_currency_precision(currency)), int(10 ** DIGITS.get(currency, 2))
