"""What the outside sees: the resources of the API, which are also the `data` of events."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, Self

from pydantic import BaseModel

from marketplace_api import models

ArtisanStatus = Literal["active", "left"]
ProductStatus = Literal["listed", "sold_out", "withdrawn"]
OrderStatus = Literal["placed", "accepted", "at_kiosk", "shipped", "delivered", "declined", "expired", "cancelled"]
AssignmentStatus = Literal[
    "offered", "accepted", "received", "declined", "expired", "cancelled", "passed", "released", "refused"
]
EndpointStatus = Literal["enabled", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
PayoutMethod = Literal["mobile_money", "kiosk_cash"]
FaultParty = Literal["recipient", "us", "nobody"]
PayoutStatus = Literal["pending", "sending", "unknown", "paid", "failed", "awaiting_collection", "collected"]


class Money(BaseModel):
    """An amount in minor units: 150000 KES is 1,500 shillings."""

    amount: int
    currency: str


class ArtisanSummary(BaseModel):
    """As much of an artisan as stands beside her product."""

    id: str
    name: str
    town: str

    @classmethod
    def of(cls, row: models.Artisan) -> Self:
        return cls(id=row.id, name=row.name, town=row.kiosk.town)


class Photo(BaseModel):
    """A picture of a product in two sizes; `width` and `height` are the large one's."""

    url: str
    thumbnail_url: str
    width: int
    height: int

    @classmethod
    def of(cls, row: models.Photo, photos_url: str) -> Self:
        """Its addresses are the picture's own, in one size and the other."""
        return cls(
            url=f"{photos_url}/{row.id}.jpg",
            thumbnail_url=f"{photos_url}/{row.id}-small.jpg",
            width=row.width,
            height=row.height,
        )


class Product(BaseModel):
    """A ware in the catalogue; `quantity` is what can still be ordered."""

    id: str
    code: str
    title: str
    category: str
    description: str
    price: Money
    quantity: int
    status: ProductStatus
    artisan: ArtisanSummary
    photos: list[Photo]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: models.Product, photos_url: str) -> Self:
        return cls.model_validate(
            {
                "id": row.id,
                "code": row.code,
                "title": row.title,
                "category": row.category,
                "description": row.description,
                "price": Money(amount=row.price, currency=row.currency),
                "quantity": row.quantity,
                "status": row.status,
                "artisan": ArtisanSummary.of(row.artisan),
                "photos": [Photo.of(photo, photos_url) for photo in row.photos],
                "created_at": row.created_at,
                "updated_at": row.updated_at,
            }
        )


class PublicArtisan(BaseModel):
    """What anyone may know of an artisan."""

    id: str
    name: str
    town: str
    craft: str
    status: ArtisanStatus
    kiosk_id: str
    created_at: datetime

    @classmethod
    def of(cls, row: models.Artisan) -> Self:
        return cls.model_validate(cls._fields(row))

    @classmethod
    def _fields(cls, row: models.Artisan) -> dict[str, object]:
        return {
            "id": row.id,
            "name": row.name,
            "town": row.kiosk.town,
            "craft": row.craft,
            "status": row.status,
            "kiosk_id": row.kiosk_id,
            "created_at": row.created_at,
        }


class PayoutMethodDetails(BaseModel):
    """How an artisan is paid; cash needs no phone."""

    method: PayoutMethod
    phone: str | None


class Artisan(PublicArtisan):
    """What an operator knows of an artisan."""

    phone: str
    language: str
    payout: PayoutMethodDetails

    @classmethod
    def _fields(cls, row: models.Artisan) -> dict[str, object]:
        return super()._fields(row) | {
            "phone": row.msisdn,
            "language": row.language,
            "payout": {"method": row.payout_method, "phone": row.payout_msisdn},
        }


class Agent(BaseModel):
    """Who stands at a kiosk; this phone has the agent's menu."""

    name: str
    phone: str


class Kiosk(BaseModel):
    """Where goods are dropped and cash is paid."""

    id: str
    code: str
    name: str
    town: str
    agent: Agent

    @classmethod
    def of(cls, row: models.Kiosk) -> Self:
        return cls(
            id=row.id,
            code=row.code,
            name=row.name,
            town=row.town,
            agent=Agent(name=row.agent_name, phone=row.agent_msisdn),
        )


class OrderedProduct(BaseModel):
    """As much of a product as stands in an order, at the price it was ordered for."""

    id: str
    code: str
    title: str
    category: str
    price: Money


class Buyer(BaseModel):
    """Who ordered, and the language she is written to in."""

    name: str
    phone: str
    locale: str


class Address(BaseModel):
    """Where an order is sent; `country` is ISO 3166 alpha-2."""

    name: str
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str | None
    country: str


class Brief(BaseModel):
    """What is to be made, and by which day it has to be at the kiosk; any kiosk, if none is named."""

    title: str
    category: str
    unit_price: Money
    quantity: int
    due_on: date
    kiosk_id: str | None


class Assignment(BaseModel):
    """An artisan's part of an order; one that was brought in two goes is two parts.

    `passed`: others took it all. `released`: she could not make it after all. `refused` counts pieces that were turned
    back at the kiosk; `reason` says why, or why she declined.
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
    """When an order came to a status."""

    status: OrderStatus
    at: datetime


class Shipment(BaseModel):
    """Who carries the goods, and the number to follow them by."""

    carrier: str
    tracking: str


class Order(BaseModel):
    """An order of a product or of a brief; the other is null.

    Its money is that of all pieces while they are offered, then of those accepted, and in the end of those received.
    """

    id: str
    code: str
    status: OrderStatus
    product: OrderedProduct | None
    brief: Brief | None
    quantity: int
    buyer: Buyer
    ship_to: Address
    note: str | None
    total: Money
    commission: Money
    artisan_earns: Money
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

        ware, brief = row.product, row.brief
        return cls.model_validate(
            {
                "id": row.id,
                "code": row.code,
                "status": row.status,
                "product": ware
                and {
                    "id": ware.id,
                    "code": ware.code,
                    "title": ware.title,
                    "category": ware.category,
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
                "assignments": [Assignment.of(part) for part in row.assignments],
                "timeline": [{"status": entry.status, "at": entry.at} for entry in row.timeline],
                "shipment": row.carrier and {"carrier": row.carrier, "tracking": row.tracking},
                "created_at": row.created_at,
                "expires_at": row.expires_at,
                "external_ref": row.external_ref,
            }
        )


class Payout(BaseModel):
    """What an artisan is paid for goods received.

    `failure` is the provider's word when it would not, and `blame` whose matter that is: a number that cannot receive,
    our own settings or float, or neither.
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
                "blame": row.blame,
                "order_id": row.order_id,
                "created_at": row.created_at,
                "paid_at": row.paid_at,
            }
        )


class HelpRequest(BaseModel):
    """Somebody waits to be called back, until `closed_at`."""

    id: str
    phone: str
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, row: models.HelpRequest) -> Self:
        return cls(id=row.id, phone=row.msisdn, created_at=row.created_at, closed_at=row.closed_at)


class WebhookEndpoint(BaseModel):
    """Where events are pushed to; `event_types` null means all that its `scope` may see.

    It is `disabled` because it said that it is `gone` (410), or because it has been `failing` for days.
    """

    id: str
    url: str
    scope: Literal["storefront", "operator"]
    event_types: list[str] | None
    status: EndpointStatus
    disabled_reason: Literal["gone", "failing"] | None
    created_at: datetime

    @classmethod
    def of(cls, row: models.WebhookEndpoint) -> Self:
        return cls.model_validate(cls._fields(row))

    @classmethod
    def _fields(cls, row: models.WebhookEndpoint) -> dict[str, object]:
        return {
            "id": row.id,
            "url": row.url,
            "scope": row.scope,
            "event_types": row.event_types,
            "status": "disabled" if row.disabled_at else "enabled",
            "disabled_reason": row.disabled_why,
            "created_at": row.created_at,
        }


class WebhookEndpointSecret(WebhookEndpoint):
    """An endpoint with the secret that its events are signed with, in the only moment in which it can be read."""

    secret: str

    @classmethod
    def _fields(cls, row: models.WebhookEndpoint) -> dict[str, object]:
        return super()._fields(row) | {"secret": row.secret}


class WebhookDelivery(BaseModel):
    """An event on its way to an endpoint: `error` says why the last attempt failed, and a `failed` one was the last."""

    id: str
    event_id: str
    type: str
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: str | None
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None

    @classmethod
    def of(cls, row: models.WebhookDelivery) -> Self:
        return cls.model_validate(
            {
                "id": row.id,
                "event_id": row.event_id,
                "type": row.event.type,
                "status": row.status,
                "attempts": row.attempts,
                "response_status": row.response_status,
                "error": row.error,
                "created_at": row.created_at,
                "last_attempt_at": row.last_attempt_at,
                "next_attempt_at": row.next_attempt_at,
                "delivered_at": row.delivered_at,
            }
        )


class WebhookBody(BaseModel):
    """The body of a webhook, as Standard Webhooks has it; `timestamp` is the event's, `data` the resource then."""

    type: str
    timestamp: datetime
    data: dict[str, object]

    @classmethod
    def of(cls, row: models.Event) -> Self:
        return cls(type=row.type, timestamp=row.created_at, data=row.data)


class Event(BaseModel):
    """Something that happened; `data` is the resource as an operator saw it then."""

    id: str
    type: str
    created_at: datetime
    data: dict[str, object]

    @classmethod
    def of(cls, row: models.Event) -> Self:
        return cls(id=row.id, type=row.type, created_at=row.created_at, data=row.data)
