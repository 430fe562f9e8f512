"""Splits a debt into payments, in minor units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaymentLimits:
    """The limits of a single payment: a multiple of `unit`, at least `least` and at most `most`."""

    unit: int
    least: int
    most: int

    def pieces(self, due: int) -> Sequence[int]:
        """As much of `due` as can be paid, in as few payments as possible; a remainder below `least` stays due."""
        whole, remainder = divmod(due - due % self.unit, self.most) if due > 0 else (0, 0)
        return [self.most] * whole + ([remainder] if remainder >= self.least else [])


BY_PHONE = PaymentLimits(unit=100, least=10_00, most=250_000_00)
"""M-PESA pays whole shillings, 10 to 250,000 at a time."""
IN_CASH = PaymentLimits(unit=100, least=1_00, most=10**13)
"""A kiosk pays no cents."""
