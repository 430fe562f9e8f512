"""A request that is sent twice under one idempotency key is done once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace_api import idempotency
from marketplace_api.models import IdempotencyKey
from marketplace_api.refused import Refused
from marketplace_api.rest.app import MarketplaceApi
from tests.marketplace.conftest import Sample, ShopDatabase, client, order_body

pytestmark = pytest.mark.every_store

Send = Callable[..., Any]


@pytest.fixture
def send(storefront: FlaskClient, sample: Sample) -> Send:
    """A function that posts an order under a key."""

    def post(key: str, quantity: int = 1, sender: FlaskClient = storefront) -> Any:
        body = order_body(sample.product, quantity)
        return sender.post("/orders", json=body, headers={"Idempotency-Key": key})

    return post


def test_the_same_key_and_body_get_the_first_answer_again(send: Send, storefront: FlaskClient) -> None:
    first, second = send("k1"), send("k1")
    assert (first.status_code, first.data) == (second.status_code, second.data) == (201, first.data)
    assert first.headers["Content-Type"] == second.headers["Content-Type"]
    assert len(storefront.get("/orders").json["data"]) == 1


def test_a_key_is_the_same_bare_or_quoted(send: Send) -> None:
    assert send("k1").data == send('"k1"').data


def test_a_key_for_another_body_is_422(send: Send, storefront: FlaskClient) -> None:
    send("k1")
    other = send("k1", quantity=2)
    assert (other.status_code, other.json["reason"]) == (422, "idempotency_key_reused")
    assert len(storefront.get("/orders").json["data"]) == 1


def test_a_refusal_is_kept_as_an_answer_and_rolled_back(
    send: Send, database: ShopDatabase, storefront: FlaskClient, sample: Sample
) -> None:
    first = send("k1", quantity=4)
    assert (first.status_code, first.json["reason"]) == (409, "not_enough_stock")
    again = send("k1", quantity=4)
    assert (again.data, again.headers["Content-Type"]) == (first.data, "application/problem+json")
    assert storefront.get(f"/products/{sample.product.id}").json["quantity"] == 3


def test_an_invalid_request_leaves_its_key_free(send: Send) -> None:
    assert send("k1", quantity=0).status_code == 422
    assert send("k1").status_code == 201


def test_keys_belong_to_their_callers(send: Send, api: MarketplaceApi, database: ShopDatabase) -> None:
    other = client(api, database, "storefront")
    assert send("k1").json["id"] != send("k1", sender=other).json["id"]


@pytest.mark.parametrize("key", ["", "a b", '"', '""', '"a', 'a"b"c' * 60, "k" * 256, '"a"b"', "é"])
def test_a_malformed_key_is_400(send: Send, key: str) -> None:
    answer = send(key)
    assert (answer.status_code, answer.json["reason"]) == (400, "bad_idempotency_key")


def test_the_longest_keys_are_accepted(send: Send) -> None:
    assert send("k" * 255).status_code == 201
    assert send('"' + "q" * 255 + '"').status_code == 201


def test_without_a_key_a_repeated_request_is_done_twice(storefront: FlaskClient, sample: Sample) -> None:
    first, second = (storefront.post("/orders", json=order_body(sample.product)) for _ in range(2))
    assert first.json["id"] != second.json["id"]


def test_many_requests_at_once_with_one_key_are_done_once(send: Send, storefront: FlaskClient) -> None:
    answers: list[Any] = []
    threads = [Thread(target=lambda: answers.append(send("k1"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.data for answer in done}) == 1
    assert len(storefront.get("/orders").json["data"]) == 1


def test_a_second_request_is_refused_while_the_first_is_running(postgres_database: ShopDatabase) -> None:
    with postgres_database.open() as first, postgres_database.open() as second:
        assert idempotency.recall(first, "caller", "k1", "print") is None
        with pytest.raises(Refused, match="still_running"):
            idempotency.recall(second, "caller", "k1", "print")
        assert idempotency.recall(second, "another caller", "k1", "print") is None


def test_an_answer_is_deleted_after_a_week(send: Send, database: ShopDatabase) -> None:
    for number in range(3):
        send(f"old-{number}", quantity=4)
    database.advance(days=7)
    send("new")
    assert kept_keys(database) == ["new", "old-0", "old-1", "old-2"]
    database.advance(seconds=1)
    send("newer", quantity=4)
    assert kept_keys(database) == ["new", "newer"]


def kept_keys(database: ShopDatabase) -> list[str]:
    with database.open() as shop:
        return sorted(shop.session.scalars(select(IdempotencyKey.key)))
