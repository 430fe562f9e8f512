"""The links of the OpenAPI document lead from an answer to the next operations."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from marketplace_api.rest.links import RESOURCE_PATHS


@pytest.fixture
def document(anonymous: FlaskClient) -> Any:
    return anonymous.get("/openapi.json").json


def links(document: Any, method: str, path: str, status: str) -> dict[str, dict[str, str]]:
    """The parameters of each link of an answer, by operation id."""
    stated = document["paths"][path][method]["responses"][status]["links"]
    return {link["operationId"]: link["parameters"] for link in stated.values()}


def test_a_placed_order_links_to_all_its_operations(document: Any) -> None:
    its_id = {"order_id": "$response.body#/id"}
    assert links(document, "post", "/orders", "201") == {
        "get_orders_get_order": its_id,
        "post_orders_cancel_order": its_id,
        "post_orders_ship_order": its_id,
        "post_orders_deliver_order": its_id,
        "post_orders_void_order": its_id,
        "get_payments_list_payments_of_order": its_id,
        "post_payments_pay_for_order": its_id,
        "post_payments_announce_payment": its_id,
    }


def test_a_list_links_to_the_operations_of_its_first_row(document: Any) -> None:
    its_id = {"payout_id": "$response.body#/data/0/id"}
    assert links(document, "get", "/payouts", "200") == {
        "get_payouts_get_payout": its_id,
        "post_payouts_release_payout": its_id,
        "post_payouts_retry_payout": its_id,
        "post_payouts_return_payout": its_id,
    }


def test_a_nested_resource_is_linked_by_both_ids(document: Any) -> None:
    assert links(document, "get", "/webhook-endpoints/{endpoint_id}/deliveries", "200") == {
        "post_webhook_endpoints_replay_webhook_delivery": {
            "endpoint_id": "$request.path.endpoint_id",
            "delivery_id": "$response.body#/data/0/id",
        }
    }


def test_every_linked_resource_has_an_existing_path(document: Any) -> None:
    assert RESOURCE_PATHS.keys() <= document["components"]["schemas"].keys()
    for home in RESOURCE_PATHS.values():
        assert any(path.startswith(home) for path in document["paths"]), home
