"""The terms of storefronts and what they have settled, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.money import Money


class StorefrontTerms(BaseModel):
    """The terms of a key. `owed` is what its storefront owes us now; negative if we owe it something."""

    key_id: str
    may_vouch: bool
    credit: Money | None
    settle_days: int
    owed: Money

    @classmethod
    def of(cls, row: models.StorefrontTerms, owed: Money) -> Self:
        credit = None if row.credit is None else Money(amount=row.credit, currency=owed.currency)
        return cls(key_id=row.key_id, may_vouch=row.may_vouch, credit=credit, settle_days=row.settle_days, owed=owed)


class Settlement(BaseModel):
    """A payment with which a storefront paid what it owes us; `owed` is what it owes after it."""

    id: str
    key_id: str
    amount: Money
    reference: str
    created_at: datetime
    owed: Money

    @classmethod
    def of(cls, row: models.Settlement, owed: Money) -> Self:
        amount = Money(amount=row.amount, currency=row.currency)
        return cls(
            id=row.id,
            key_id=row.key_id,
            amount=amount,
            reference=row.reference,
            created_at=row.created_at,
            owed=owed,
        )
