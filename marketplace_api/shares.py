"""Splits a price between artisan and marketplace, in minor units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """The amount that the buyer pays, and its two shares; always `commission + earns == total`."""

    total: int
    commission: int
    earns: int


def split(unit_price: int, quantity: int, percent: int) -> Split:
    """The shares of marketplace and artisan in `quantity` pieces.

    The commission of `percent` is rounded once, on the total and not on each piece, to the nearest minor unit, halves
    up; the artisan gets the remainder.

    >>> split(150_000, 2, 10)
    Split(total=300000, commission=30000, earns=270000)
    """
    total = unit_price * quantity
    commission = (total * percent + 50) // 100
    return Split(total, commission, total - commission)
