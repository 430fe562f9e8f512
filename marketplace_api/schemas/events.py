"""Events as the API shows them, and the schema of each event's `data`.

{"id": "evt_…", "type": "order.accepted", "created_at": "2026-11-22T09:20:05Z", "data": {"id": "ord_…", …}}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.artisans import Artisan
from marketplace_api.schemas.help_requests import HelpRequest
from marketplace_api.schemas.orders import Order
from marketplace_api.schemas.payouts import Payout, PayoutsPause
from marketplace_api.schemas.products import Product
from marketplace_api.schemas.webhooks import WebhookDelivery, WebhookEndpoint

EventResource = Artisan | HelpRequest | Order | Payout | PayoutsPause | Product | WebhookDelivery | WebhookEndpoint

DATA_SCHEMAS: Mapping[str, type[EventResource]] = {
    "artisan": Artisan,
    "help": HelpRequest,
    "order": Order,
    "payout": Payout,
    "payouts": PayoutsPause,
    "product": Product,
    "webhook_delivery": WebhookDelivery,
    "webhook_endpoint": WebhookEndpoint,
}
"""The first word of an event's type, and the schema of its `data`."""


class Event(BaseModel):
    """Something that happened; `data` is the resource at that time, as operators see it."""

    id: str
    type: str
    created_at: datetime
    data: dict[str, object]

    @classmethod
    def of(cls, row: models.Event) -> Self:
        return cls(id=row.id, type=row.type, created_at=row.created_at, data=row.data)
