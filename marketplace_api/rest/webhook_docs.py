"""The `webhooks` section of the OpenAPI document: the pushed requests, one entry per kind of resource."""

from __future__ import annotations

from typing import Any

from marketplace_api.schemas.events import DATA_SCHEMAS

PUSHED_KINDS = ("artisan", "help", "order", "payment", "payout", "product", "refund", "webhook_endpoint")
"""First words of event types; each has an entry in the section."""

_HEADERS = {
    "webhook-id": "The event's id, the same at every attempt.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": "`v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`; several with spaces between.",
}


def documented() -> dict[str, Any]:
    """The section; the document must have these schemas."""
    return {kind: {"post": _operation(kind, DATA_SCHEMAS[kind].__name__)} for kind in PUSHED_KINDS}


def _operation(kind: str, schema: str) -> dict[str, Any]:
    return {
        "summary": f"Something happened: {kind}.…",
        "tags": ["Webhooks"],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}
            for name, about in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(kind, schema)}}},
        "responses": {
            "2XX": {"description": "The event was received."},
            "410": {"description": "No more events are to be pushed here."},
            "default": {"description": "The event is pushed again later; `Retry-After` sets the time."},
        },
    }


def _body(kind: str, schema: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "pattern": rf"^{kind}\.[a-z_]+$"},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"$ref": f"#/components/schemas/{schema}"},
        },
    }
