"""Webhook endpoints, deliveries and the body that is pushed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.statuses import DeliveryStatus, EndpointStatus


class WebhookEndpoint(BaseModel):
    """An address to which events are pushed; if `event_types` is null, all that its `scope` may see.

    It is `disabled` after it answered 410 (`gone`), or after attempts have been `failing` for days.
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
            "disabled_reason": row.disabled_reason,
            "created_at": row.created_at,
        }


class WebhookEndpointSecret(WebhookEndpoint):
    """An endpoint with the secret that its events are signed with; the secret is not shown again."""

    secret: str

    @classmethod
    def _fields(cls, row: models.WebhookEndpoint) -> dict[str, object]:
        return super()._fields(row) | {"secret": row.secret}


class WebhookDelivery(BaseModel):
    """The delivery of an event to an endpoint; `error` is the cause of the last failure. `failed` is final."""

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
    """The body of a webhook (Standard Webhooks); `timestamp` is the event's time, `data` the resource at that time."""

    type: str
    timestamp: datetime
    data: dict[str, object]

    @classmethod
    def of(cls, row: models.Event) -> Self:
        return cls(type=row.type, timestamp=row.created_at, data=row.data)
