"""Events as the API shows them, and the schema of each event's `data`.

{"id": "evt_…", "type": "order.accepted", "created_at": "2026-11-22T09:20:05Z", "by": "key:bead shop",
 "data": {"id": "ord_…", …}}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.api_keys import ApiKey
from marketplace_api.schemas.artisans import Artisan
from marketplace_api.schemas.buyer_payments import BuyerPayment, Refund
from marketplace_api.schemas.help_requests import HelpRequest
from marketplace_api.schemas.kiosks import FloatChange, Kiosk
from marketplace_api.schemas.orders import Order
from marketplace_api.schemas.payouts import Payout, PayoutsPause
from marketplace_api.schemas.products import Product
from marketplace_api.schemas.webhooks import WebhookDelivery, WebhookEndpoint

EventResource = (
    ApiKey
    | Artisan
    | BuyerPayment
    | FloatChange
    | HelpRequest
    | Kiosk
    | Order
    | Payout
    | PayoutsPause
    | Product
    | Refund
    | WebhookDelivery
    | WebhookEndpoint
)

DATA_SCHEMAS: Mapping[str, type[EventResource]] = {
    "api_key": ApiKey,
    "artisan": Artisan,
    "help": HelpRequest,
    "kiosk": Kiosk,
    "kiosk_float": FloatChange,
    "order": Order,
    "payment": BuyerPayment,
    "payout": Payout,
    "payouts": PayoutsPause,
    "product": Product,
    "refund": Refund,
    "webhook_delivery": WebhookDelivery,
    "webhook_endpoint": WebhookEndpoint,
}
"""The first word of an event's type, and the schema of its `data`."""


class Event(BaseModel):
    """Something that happened; `data` is the resource at that time, as operators see it.

    `by` is who caused it: `key:`, `operator:`, `job:` or `cli:` and a name, `phone:` or `agent:` and a masked number;
    null for events from before this was stored.
    """

    id: str
    type: str
    created_at: datetime
    by: str | None
    data: dict[str, object]

    @classmethod
    def of(cls, row: models.Event) -> Self:
        return cls(id=row.id, type=row.type, created_at=row.created_at, by=row.by, data=row.data)
