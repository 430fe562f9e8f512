"""OpenAPI links: from the id in an answer to the operations that take it; from a list, with the id of its first row.

"links": {"post_orders_cancel_order": {
    "operationId": "post_orders_cancel_order", "parameters": {"order_id": "$response.body#/id"}}}
"""

from __future__ import annotations

import re
from typing import Any

RESOURCE_PATHS = {
    "Order": "/orders/{order_id}",
    "Product": "/products/{product_id}",
    "Artisan": "/artisans/{artisan_id}",
    "Kiosk": "/kiosks/{kiosk_id}",
    "BuyerPayment": "/payments/{payment_id}",
    "Refund": "/refunds/{refund_id}",
    "Payout": "/payouts/{payout_id}",
    "HelpRequest": "/help-requests/{request_id}",
    "WebhookEndpoint": "/webhook-endpoints/{endpoint_id}",
    "WebhookEndpointSecret": "/webhook-endpoints/{endpoint_id}",
    "WebhookDelivery": "/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}",
}
"""By schema of the answer, the path of one such resource."""


def add(document: dict[str, Any]) -> None:
    """Link each answer with one of these resources to all operations on it."""
    operations_with = {schema: _operations(document, path) for schema, path in RESOURCE_PATHS.items()}
    for operations in document["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                schema, id_at = _shown(answer)
                if schema in operations_with:
                    answer["links"] = {
                        name: _link(name, RESOURCE_PATHS[schema], id_at) for name in operations_with[schema]
                    }


def _operations(document: dict[str, Any], resource_path: str) -> list[str]:
    """The ids of the operations at this path and below it that need no further id."""
    return [
        operation["operationId"]
        for path, operations in document["paths"].items()
        if path.startswith(resource_path) and _ids(path) == _ids(resource_path)
        for operation in operations.values()
    ]


def _shown(answer: dict[str, Any]) -> tuple[str, str]:
    """The name of the schema that the answer shows, and the JSON pointer to its id."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return (name.removesuffix("List"), "/data/0/id") if name.endswith("List") else (name, "/id")


def _link(operation_id: str, resource_path: str, id_at: str) -> dict[str, Any]:
    *outer, own = _ids(resource_path)
    parameters = {name: f"$request.path.{name}" for name in outer} | {own: f"$response.body#{id_at}"}
    return {"operationId": operation_id, "parameters": parameters}


def _ids(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)
