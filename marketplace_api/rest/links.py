"""Where the id in an answer leads, as OpenAPI links: from an order to cancelling it, from a list to its first row.

"links": {"post_orders_cancel_order": {
    "operationId": "post_orders_cancel_order", "parameters": {"order_id": "$response.body#/id"}}}
"""

from __future__ import annotations

import re
from typing import Any

HOMES = {
    "Order": "/orders/{order_id}",
    "Product": "/products/{product_id}",
    "Artisan": "/artisans/{artisan_id}",
    "Kiosk": "/kiosks/{kiosk_id}",
    "Payout": "/payouts/{payout_id}",
    "HelpRequest": "/help-requests/{request_id}",
    "WebhookEndpoint": "/webhook-endpoints/{endpoint_id}",
    "WebhookEndpointSecret": "/webhook-endpoints/{endpoint_id}",
    "WebhookDelivery": "/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}",
}
"""What an answer shows, and the path it can be found under by its id."""


def add(document: dict[str, Any]) -> None:
    """Link every answer that shows what has a home to all that can be done there."""
    leads = {shape: _leads(document, home) for shape, home in HOMES.items()}
    for operations in document["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                shape, id_at = _shown(answer)
                if shape in leads:
                    answer["links"] = {name: _link(name, HOMES[shape], id_at) for name in leads[shape]}


def _leads(document: dict[str, Any], home: str) -> list[str]:
    """The operations at this path and below it that need no further id."""
    return [
        operation["operationId"]
        for path, operations in document["paths"].items()
        if path.startswith(home) and _ids(path) == _ids(home)
        for operation in operations.values()
    ]


def _shown(answer: dict[str, Any]) -> tuple[str, str]:
    """The name of what the answer shows, and where in it the id stands."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return (name.removesuffix("List"), "/data/0/id") if name.endswith("List") else (name, "/id")


def _link(operation_id: str, home: str, id_at: str) -> dict[str, Any]:
    *outer, own = _ids(home)
    parameters = {name: f"$request.path.{name}" for name in outer} | {own: f"$response.body#{id_at}"}
    return {"operationId": operation_id, "parameters": parameters}


def _ids(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)
