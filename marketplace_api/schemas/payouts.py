"""Payouts, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.money import Money
from marketplace_api.statuses import FaultParty, HoldReason, PayoutMethod, PayoutStatus


class Payout(BaseModel):
    """A payment to an artisan for goods received.

    If it failed, `failure` is the provider's text, and `blame` is who has to act: the `recipient`, if the number cannot
    receive it; `us`, if our settings or our float are the cause; or `nobody`. A `held` one waits because of `hold`: it
    is `large`, one of the `first`, of a `disputed` order, for a `new_phone`, or above the `day_cap`.
    """

    id: str
    code: str
    artisan_id: str
    amount: Money
    method: PayoutMethod
    status: PayoutStatus
    provider_reference: str | None
    failure: str | None
    blame: FaultParty | None
    hold: HoldReason | None
    order_id: str | None
    created_at: datetime
    paid_at: datetime | None

    @classmethod
    def of(cls, row: models.Payout) -> Self:
        return cls.model_validate(
            {
                "id": row.id,
                "code": row.code,
                "artisan_id": row.artisan_id,
                "amount": Money(amount=row.amount, currency=row.currency),
                "method": row.method,
                "status": row.status,
                "provider_reference": row.provider_reference,
                "failure": row.failure,
                "blame": row.fault_party,
                "hold": row.hold,
                "order_id": row.order_id,
                "created_at": row.created_at,
                "paid_at": row.paid_at,
            }
        )


class PayoutsPause(BaseModel):
    """All payouts were paused or resumed; `reason` is the reason for the pause."""

    id: Literal["payouts"] = "payouts"
    reason: str
