"""Orders, as the API shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.artisans import ArtisanSummary
from marketplace_api.schemas.buyer_payments import OpenPayment
from marketplace_api.schemas.money import Money
from marketplace_api.statuses import AssignmentStatus, OrderPaymentStatus, OrderStatus


class OrderedProduct(BaseModel):
    """The product of an order, with the price at which it was ordered."""

    id: str
    code: str
    title: str
    category: str
    price: Money


class Buyer(BaseModel):
    """The buyer, and the language of texts to this phone."""

    name: str
    phone: str
    locale: str


class Address(BaseModel):
    """The address to which an order is sent; `country` is ISO 3166 alpha-2."""

    name: str
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str


class Brief(BaseModel):
    """The pieces to make, and the day by which they have to be at the kiosk; without `kiosk_id`, at any kiosk."""

    title: str
    category: str
    unit_price: Money
    quantity: int
    due_on: date
    kiosk_id: str | None


class Assignment(BaseModel):
    """An artisan's part of an order; a part that is brought in two deliveries becomes two parts.

    `passed`: other artisans accepted all pieces. `released`: the artisan gave an accepted part back. `refused` counts
    the pieces that were rejected at the kiosk; `reason` is the cause of this, or of the artisan's refusal.
    """

    artisan: ArtisanSummary
    quantity: int
    earns: Money
    status: AssignmentStatus
    reason: str
    refused: int
    promised_on: date | None
    ready_at: datetime | None
    received_at: datetime | None
    reminded_at: datetime | None

    @classmethod
    def of(cls, row: models.Assignment) -> Self:
        return cls.model_validate(
            {
                "artisan": ArtisanSummary.of(row.artisan),
                "quantity": row.quantity,
                "earns": Money(amount=row.earns, currency=row.order.currency),
                "status": row.status,
                "reason": row.reason,
                "refused": row.refused,
                "promised_on": row.promised_on,
                "ready_at": row.ready_at,
                "received_at": row.received_at,
                "reminded_at": row.reminded_at,
            }
        )


class TimelineEntry(BaseModel):
    """The time at which an order reached a status."""

    status: OrderStatus
    at: datetime


class Shipment(BaseModel):
    """The carrier and the tracking number."""

    carrier: str
    tracking: str


class Order(BaseModel):
    """An order of a product or of a brief; the other one is null.

    `payment_status` is `vouched` if the storefront that placed it owes us its price; otherwise the buyer pays, and it
    is offered to nobody before. `total` is what is to pay: `commission`, `artisan_earns`, `shipping` and `tax`. The
    amounts are for all pieces while they are offered, then for the accepted ones, finally for the received ones. While
    the order is unpaid, `payment` is the newest payment.
    """

    id: str
    code: str
    status: OrderStatus
    payment_status: OrderPaymentStatus
    product: OrderedProduct | None
    brief: Brief | None
    quantity: int
    buyer: Buyer
    ship_to: Address
    note: str | None
    total: Money
    commission: Money
    artisan_earns: Money
    shipping: Money
    tax: Money
    payment: OpenPayment | None
    assignments: list[Assignment]
    timeline: list[TimelineEntry]
    shipment: Shipment | None
    created_at: datetime
    expires_at: datetime
    external_ref: str | None

    @classmethod
    def of(cls, row: models.Order) -> Self:
        def money(amount: int) -> Money:
            return Money(amount=amount, currency=row.currency)

        product, brief = row.product, row.brief
        return cls.model_validate(
            {
                "id": row.id,
                "code": row.code,
                "status": row.status,
                "payment_status": row.payment_status,
                "product": product
                and {
                    "id": product.id,
                    "code": product.code,
                    "title": product.title,
                    "category": product.category,
                    "price": money(row.unit_price),
                },
                "brief": brief
                and {
                    "title": brief.title,
                    "category": brief.category,
                    "unit_price": money(row.unit_price),
                    "quantity": row.quantity,
                    "due_on": brief.due_on,
                    "kiosk_id": brief.kiosk_id,
                },
                "quantity": row.quantity,
                "buyer": {"name": row.buyer_name, "phone": row.buyer_msisdn, "locale": row.buyer_locale},
                "ship_to": row.ship_to,
                "note": row.note,
                "total": money(row.total),
                "commission": money(row.commission),
                "artisan_earns": money(row.artisan_earns),
                "shipping": money(row.shipping),
                "tax": money(row.tax),
                "payment": OpenPayment.of(row.payments[-1]) if row.status == "unpaid" and row.payments else None,
                "assignments": [Assignment.of(part) for part in row.assignments],
                "timeline": [{"status": entry.status, "at": entry.at} for entry in row.timeline],
                "shipment": row.carrier and {"carrier": row.carrier, "tracking": row.tracking},
                "created_at": row.created_at,
                "expires_at": row.expires_at,
                "external_ref": row.external_ref,
            }
        )
