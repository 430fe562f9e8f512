"""What a card can be charged: amounts as Stripe's API counts them, and the smallest step of ours in each currency.

Our amounts are in minor units, with as many digits as Babel gives a currency. Stripe's have two digits, except for the
currencies of `DIGITS`; and some of them must be whole, or end in a zero. Forint (HUF) and Taiwan dollars (TWD) have two
digits here: that they must be whole concerns Stripe's payments to our bank account alone.
https://docs.stripe.com/currencies
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

from babel.numbers import get_currency_precision

_NONE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE = "BHD JOD KWD OMR TND"
DIGITS: Mapping[str, int] = dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)
"""The digits after the point in Stripe's amounts; two for every other currency."""
STEPS: Mapping[str, int] = dict.fromkeys(_THREE.split(), 10) | {"ISK": 100, "UGX": 100}
"""What an amount of Stripe must be a multiple of; 1 for every other currency. Card networks take no smaller parts."""


def units(currency: str) -> tuple[int, int]:
    """How many of our minor units, and how many of Stripe's, are one whole unit of the currency."""
    return int(10 ** get_currency_precision(currency)), int(10 ** DIGITS.get(currency, 2))


def step(currency: str) -> int:
    """The smallest amount that a card can be charged, in our minor units; every other one is a multiple of it.

    >>> step("USD"), step("KWD"), step("UGX")
    (1, 10, 1)
    """
    ours, theirs = units(currency)
    smallest = STEPS.get(currency, 1) * ours
    return smallest // gcd(smallest, theirs)
