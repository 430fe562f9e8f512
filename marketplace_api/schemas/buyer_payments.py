"""Payments of buyers and refunds, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.money import Money
from marketplace_api.statuses import BuyerPaymentMethod, BuyerPaymentStatus, RefundReason, RefundStatus


class BuyerPayment(BaseModel):
    """A payment of a buyer for an order: `amount` was asked for, which is `shop_amount` in the shop's currency.

    `url` is the page where the buyer pays, if there is one. `reference` is the proven receipt. `is_kept` is true for
    the payment that pays for the order; any other captured one goes back whole. `failure` says why it was not paid,
    and `means` how money came that an operator saw, such as `bank`.
    """

    id: str
    order_id: str
    status: BuyerPaymentStatus
    method: BuyerPaymentMethod
    amount: Money
    shop_amount: Money
    rate: str | None
    phone: str | None
    url: str | None
    reference: str | None
    fee: Money | None
    failure: str | None
    means: str | None
    is_kept: bool
    created_at: datetime
    expires_at: datetime
    captured_at: datetime | None

    @classmethod
    def of(cls, row: models.BuyerPayment) -> Self:
        return cls(
            id=row.id,
            order_id=row.order_id,
            status=row.status,
            method=row.method,
            amount=Money(amount=row.amount, currency=row.currency),
            shop_amount=Money(amount=row.shop_amount, currency=row.order.currency),
            rate=row.rate,
            phone=row.msisdn,
            url=row.url if row.status in ("asked", "unknown") else None,
            reference=row.reference,
            fee=None if row.fee is None else Money(amount=row.fee, currency=row.currency),
            failure=row.failure,
            means=row.means,
            is_kept=row.is_kept,
            created_at=row.created_at,
            expires_at=row.expires_at,
            captured_at=row.captured_at,
        )


class OpenPayment(BaseModel):
    """The newest payment of an order that is not paid yet."""

    id: str
    status: BuyerPaymentStatus
    method: BuyerPaymentMethod
    amount: Money
    url: str | None
    expires_at: datetime

    @classmethod
    def of(cls, row: models.BuyerPayment) -> Self:
        whole = BuyerPayment.of(row)
        return cls(**{name: getattr(whole, name) for name in cls.model_fields})


class Refund(BaseModel):
    """Money that goes back to a buyer. `reason` and an operator's `note` say why; `failure` is the provider's text.

    A card's bank may return money that was given back: then `returned_at` says when we learned it.
    """

    id: str
    payment_id: str
    order_id: str
    amount: Money
    shop_amount: Money
    reason: RefundReason
    note: str | None
    status: RefundStatus
    reference: str | None
    failure: str | None
    created_at: datetime
    done_at: datetime | None
    returned_at: datetime | None

    @classmethod
    def of(cls, row: models.Refund) -> Self:
        return cls(
            id=row.id,
            payment_id=row.payment_id,
            order_id=row.order_id,
            amount=Money(amount=row.amount, currency=row.currency),
            shop_amount=Money(amount=row.shop_amount, currency=row.payment.order.currency),
            reason=row.reason,
            note=row.note,
            status=row.status,
            reference=row.reference,
            failure=row.failure,
            created_at=row.created_at,
            done_at=row.done_at,
            returned_at=row.returned_at,
        )
