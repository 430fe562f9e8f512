"""Money, as the API shows it."""

from __future__ import annotations

from pydantic import BaseModel


class Money(BaseModel):
    """An amount in minor units: 150000 KES is 1,500 shillings."""

    amount: int
    currency: str
