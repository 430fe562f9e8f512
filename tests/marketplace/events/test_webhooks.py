"""`/webhook-endpoints`: owners, URLs and secrets, and when old deliveries are deleted."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest
from flask.testing import FlaskClient

from marketplace_api.accounts import api_keys
from marketplace_api.events import events, webhooks
from marketplace_api.events.webhooks import KEPT_FOR, RETRIES, FailedAttempt
from marketplace_api.models import Event, WebhookDelivery
from marketplace_api.rest import webhook_endpoints
from marketplace_api.rest.app import MarketplaceApi
from marketplace_api.rest.webhook_docs import PUSHED_KINDS
from marketplace_api.schemas.events import DATA_SCHEMAS
from marketplace_api.schemas.help_requests import HelpRequest
from marketplace_api.shop import Shop
from tests.marketplace.conftest import ShopDatabase, client

URL = "https://shop.example/soko"


def create(who: FlaskClient, status: int = 201, **body: Any) -> Any:
    answer = who.post("/webhook-endpoints", json={"url": URL, **body})
    assert answer.status_code == status, answer.get_json()
    return answer.get_json()


def test_each_endpoint_has_a_long_secret_that_is_shown_once(operator: FlaskClient) -> None:
    first, second = create(operator), create(operator)
    secrets = [re.fullmatch("whsec_(.+)", made["secret"]) for made in (first, second)]

    assert [len(b64decode(secret[1])) for secret in secrets if secret] == [32, 32]
    assert first["secret"] != second["secret"]
    listed = operator.get("/webhook-endpoints").get_json()["data"]
    assert {one["id"] for one in listed} == {first["id"], second["id"]}
    assert first["secret"] not in operator.get("/webhook-endpoints").get_data(as_text=True)
    assert operator.get(f"/webhook-endpoints/{first['id']}").get_json() == {
        "id": first["id"],
        "url": URL,
        "scope": "operator",
        "event_types": None,
        "status": "enabled",
        "disabled_reason": None,
        "created_at": "2026-11-22T09:00:00Z",
    }


def test_a_storefront_sees_its_own_endpoints_and_an_operator_all(
    api: MarketplaceApi, database: ShopDatabase, operator: FlaskClient
) -> None:
    one, other = client(api, database, "storefront"), client(api, database, "storefront")
    made = create(one)
    path = f"/webhook-endpoints/{made['id']}"

    assert made["scope"] == "storefront"
    assert [whom.get("/webhook-endpoints").get_json()["data"] != [] for whom in (one, other, operator)] == [
        True,
        False,
        True,
    ]
    for method, ending in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
        ("GET", "/deliveries"),
        ("POST", "/deliveries/whd_1/replay"),
    ):
        assert other.open(path + ending, method=method).get_json()["reason"] == "unknown_webhook_endpoint"
    assert operator.get(path).status_code == 200


def test_endpoints_need_a_key(anonymous: FlaskClient) -> None:
    assert anonymous.get("/webhook-endpoints").status_code == 401
    assert anonymous.post("/webhook-endpoints", json={"url": URL}).status_code == 401


def test_a_deleted_endpoint_is_not_found(operator: FlaskClient) -> None:
    path = f"/webhook-endpoints/{create(operator)['id']}"
    answer = operator.delete(path)

    assert (answer.status_code, answer.get_data(), answer.content_type) == (204, b"", None)
    assert operator.delete(path).status_code == operator.get(path).status_code == 404
    assert operator.get("/webhook-endpoints").get_json()["data"] == []


def test_revoking_a_key_deletes_its_endpoints(
    api: MarketplaceApi, database: ShopDatabase, operator: FlaskClient
) -> None:
    create(client(api, database, "storefront"))
    kept = create(operator)
    with database.open() as shop:
        api_keys.revoke(shop, "a storefront")

    assert [one["id"] for one in operator.get("/webhook-endpoints").get_json()["data"]] == [kept["id"]]


def test_an_idempotency_key_creates_one_endpoint(operator: FlaskClient) -> None:
    answers = [
        operator.post("/webhook-endpoints", json={"url": URL}, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]

    assert answers[0].get_json() == answers[1].get_json()
    assert len(operator.get("/webhook-endpoints").get_json()["data"]) == 1


def test_a_key_has_a_limited_number_of_endpoints(api: MarketplaceApi, database: ShopDatabase) -> None:
    one, other = client(api, database, "storefront"), client(api, database, "storefront")
    made = [create(one) for _ in range(webhooks.MAX_ENDPOINTS)]

    assert create(one, 409)["reason"] == "too_many_webhook_endpoints"
    create(other)
    one.delete(f"/webhook-endpoints/{made[0]['id']}")
    create(one)


@pytest.mark.parametrize(
    "url", ["http://shop.example/soko", "https://localhost/", "https://10.0.0.1/", "https://[::1]/", "soko"]
)
def test_outside_development_a_private_address_is_refused(operator: FlaskClient, url: str) -> None:
    assert [mistake["pointer"] for mistake in create(operator, 422, url=url)["errors"]] == ["#/url"]


def test_in_development_an_endpoint_may_be_local(api: MarketplaceApi, operator: FlaskClient) -> None:
    api.config[webhook_endpoints.WEBHOOKS_ANYWHERE] = True

    assert create(operator, url="http://127.0.0.1:9000/soko")["url"] == "http://127.0.0.1:9000/soko"


@pytest.mark.parametrize("types", [[], ["order"], ["Order.placed"], ["order.placed", 5], "order.placed", ["a.b"] * 51])
def test_invalid_event_types_are_refused(operator: FlaskClient, types: object) -> None:
    create(operator, 422, event_types=types)


def test_a_rotated_secret_is_another_one(operator: FlaskClient) -> None:
    made = create(operator)
    rotated = operator.post(f"/webhook-endpoints/{made['id']}/rotate-secret").get_json()

    assert rotated["id"] == made["id"]
    assert rotated["secret"] != made["secret"]


def test_an_unknown_delivery_cannot_be_replayed(operator: FlaskClient) -> None:
    path = f"/webhook-endpoints/{create(operator)['id']}/deliveries"

    assert operator.get(path).get_json()["data"] == []
    assert operator.post(f"{path}/whd_1/replay").get_json()["reason"] == "unknown_webhook_delivery"


def test_the_document_has_a_schema_for_each_kind_of_webhook(anonymous: FlaskClient) -> None:
    document = anonymous.get("/openapi.json").get_json()
    bodies = {
        kind: path["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
        for kind, path in document["webhooks"].items()
    }

    shown = {kind: body["data"]["$ref"].rpartition("/")[2] for kind, body in bodies.items()}
    assert shown == {
        "artisan": "Artisan",
        "help": "HelpRequest",
        "order": "Order",
        "payment": "BuyerPayment",
        "payout": "Payout",
        "refund": "Refund",
        "product": "Product",
        "webhook_endpoint": "WebhookEndpoint",
    }
    assert shown == {kind: DATA_SCHEMAS[kind].__name__ for kind in PUSHED_KINDS}
    assert set(shown.values()) <= document["components"]["schemas"].keys()


# -- old deliveries


def some_event(shop: Shop) -> Event:
    """An event of any type."""
    asked = HelpRequest(
        id="hlp_1",
        phone="+254711000111",
        created_at=shop.now,
        closed_at=None,
        order_id=None,
        problem=None,
        words=None,
    )
    event = events.record(shop, "help.requested", asked)
    shop.session.flush()
    return event


def deliveries_of_new_event(shop: Shop) -> list[WebhookDelivery]:
    """The deliveries of a new event."""
    return list(webhooks.deliveries_for(shop, some_event(shop)))


def fail_delivery(shop: Shop, delivery: WebhookDelivery) -> None:
    """Fail every attempt of the delivery."""
    for _ in (*RETRIES.gaps, "the last time"):
        webhooks.record_failure(shop, delivery, FailedAttempt("http_500", 500))


def delete_all_old(database: ShopDatabase) -> int:
    """Delete old deliveries until none is left; returns how many."""
    forgotten = 0
    while True:
        with database.open() as shop:
            count = webhooks.delete_old_deliveries(shop)
        if not count:
            return forgotten
        forgotten += count


def test_ended_deliveries_are_deleted_after_thirty_days(database: ShopDatabase, operator: FlaskClient) -> None:
    paths = [f"/webhook-endpoints/{create(operator)['id']}/deliveries" for _ in range(2)]
    with database.open() as shop:
        for delivery in deliveries_of_new_event(shop):
            webhooks.record_success(shop, delivery, 204)
        for delivery in deliveries_of_new_event(shop):
            fail_delivery(shop, delivery)
        deliveries_of_new_event(shop)
    database.advance(days=30)
    assert delete_all_old(database) == 0

    database.advance(seconds=1)
    assert delete_all_old(database) == 4
    for path in paths:
        assert [delivery["status"] for delivery in operator.get(path).get_json()["data"]] == ["pending"]


def test_a_delivery_is_kept_for_thirty_days_after_its_last_attempt(
    database: ShopDatabase, operator: FlaskClient
) -> None:
    create(operator)
    with database.open() as shop:
        waiting = deliveries_of_new_event(shop)
    database.now += KEPT_FOR * 2
    with database.open() as shop:
        (delivery,) = [shop.session.merge(each) for each in waiting]
        webhooks.record_success(shop, delivery, 204)
    assert delete_all_old(database) == 0


def test_a_replayed_delivery_is_kept_until_it_ends_again(database: ShopDatabase, operator: FlaskClient) -> None:
    create(operator)
    with database.open() as shop:
        (delivery,) = deliveries_of_new_event(shop)
        webhooks.record_success(shop, delivery, 204)
    database.now += KEPT_FOR * 2
    with database.open() as shop:
        webhooks.replay(shop, shop.session.merge(delivery))
    assert delete_all_old(database) == 0


def test_a_deleted_delivery_is_not_created_again(database: ShopDatabase, operator: FlaskClient) -> None:
    create(operator)
    with database.open() as shop:
        event = some_event(shop)
        for delivery in webhooks.deliveries_for(shop, event):
            webhooks.record_success(shop, delivery, 204)
    database.now += KEPT_FOR * 2
    assert delete_all_old(database) == 1

    with database.open() as shop:
        assert webhooks.deliveries_for(shop, event) == []
        assert len(deliveries_of_new_event(shop)) == 1
