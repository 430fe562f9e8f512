"""How an order's price is shared, in minor units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """What a buyer pays, and who gets which part; `commission + earns == total`, always."""

    total: int
    commission: int
    earns: int


def split(unit_price: int, quantity: int, percent: int) -> Split:
    """The share of marketplace and artisan in `quantity` pieces.

    The commission is rounded once, on the total and not on each piece, to the nearest minor unit,
    halves upwards; the artisan gets all the rest.
    """
    total = unit_price * quantity
    commission = (total * percent + 50) // 100
    return Split(total, commission, total - commission)
