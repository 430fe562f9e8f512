"""`place_once` validates and answers an order as `POST /orders` does, and places it once per key."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from marketplace_api import idempotency
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.models import Order
from marketplace_api.orders import placing
from tests.marketplace.conftest import Sample, ShopDatabase, order_body
from tests.recorded_sql import recorded_sql


def place(database: ShopDatabase, body: dict[str, Any], key: str = "form-1") -> StoredAnswer:
    with database.open() as shop:
        return placing.place_once(shop, "pages", key, body)


def orders_of(database: ShopDatabase, caller: str) -> int:
    with database.open() as shop:
        return shop.session.scalars(select(func.count(Order.id)).where(Order.placed_by == caller)).one()


def test_an_order_is_placed_once_and_a_repetition_gets_the_same_answer(database: ShopDatabase, sample: Sample) -> None:
    first = place(database, order_body(sample.product, 2))
    again = place(database, order_body(sample.product, 2))

    assert first.status == 201
    assert again == first
    assert orders_of(database, "pages") == 1


def test_the_answer_has_the_fields_of_the_apis_answer(
    database: ShopDatabase, sample: Sample, storefront: FlaskClient
) -> None:
    by_page = json.loads(place(database, order_body(sample.product)).body)
    by_api = storefront.post("/orders", json=order_body(sample.product)).get_json()

    its_own = {"id", "code"}
    assert by_page.keys() == by_api.keys()
    assert {name: by_page[name] for name in by_page.keys() - its_own} == {
        name: by_api[name] for name in by_api.keys() - its_own
    }


BAD_BODIES: dict[str, Any] = {
    "an invalid phone": {"buyer": {"name": "Ann", "phone": "no", "locale": "en"}},
    "no quantity": {"quantity": None},
    "an unknown product": {"product_id": "prd_none"},
    "more than the stock": {"quantity": 99},
    "no address": {"ship_to": {}},
    "a link as a name": {"buyer": {"name": "www.example.com", "phone": "+254733000333", "locale": "en"}},
    "a code to dial in a note": {"note": "Dial *384*22# to win"},
    "a brief in another currency": {
        "product_id": None,
        "quantity": None,
        "brief": {
            "title": "Gift basket",
            "category": "baskets",
            "unit_price": {"amount": 1, "currency": "USD"},
            "quantity": 1,
            "due_on": "2027-03-31",
        },
    },
}


@pytest.mark.parametrize("what", BAD_BODIES)
def test_an_order_that_the_api_refuses_is_refused_in_the_same_way(
    database: ShopDatabase, sample: Sample, storefront: FlaskClient, what: str
) -> None:
    body = order_body(sample.product) | BAD_BODIES[what]
    by_api = storefront.post("/orders", json=body)

    by_page = place(database, body)

    assert (by_page.status, json.loads(by_page.body)) == (by_api.status_code, by_api.get_json())
    assert by_page.status >= 400
    assert orders_of(database, "pages") == 0


def test_a_refusal_is_kept_and_a_body_that_is_not_valid_leaves_its_key_free(
    database: ShopDatabase, sample: Sample
) -> None:
    refused = place(database, order_body(sample.product, 99), "many")
    assert json.loads(refused.body)["reason"] == "not_enough_stock"
    assert place(database, order_body(sample.product, 1), "many").status == 422, "the key was used for another request"

    assert place(database, {"product_id": sample.product.id}, "form").status == 422
    assert place(database, order_body(sample.product), "form").status == 201


def test_the_key_of_another_caller_is_another_key(
    database: ShopDatabase, sample: Sample, storefront: FlaskClient
) -> None:
    storefront.post("/orders", json=order_body(sample.product), headers={"Idempotency-Key": "form-1"})

    assert place(database, order_body(sample.product)).status == 201
    assert orders_of(database, "pages") == 1


BY_PHONE = {"payment": {"by": "mpesa", "phone": "+254711000222"}}
MOST_STATEMENTS = 25


@pytest.mark.parametrize("payment", [{}, BY_PHONE], ids=["vouched", "paid by phone"])
def test_placing_an_order_costs_few_statements(database: ShopDatabase, sample: Sample, payment: dict[str, Any]) -> None:
    with recorded_sql(database.engine) as statements:
        answer = place(database, order_body(sample.product) | payment)

    assert answer.status == 201
    assert len(statements) <= MOST_STATEMENTS, statements


def test_what_is_stored_of_a_request_tells_no_code_in_it(database: ShopDatabase) -> None:
    path, bodies = "/phones/+254711000001/commands", [f'{{"digits": "{code:06}"}}'.encode() for code in (42, 43)]
    with database.open() as shop:
        stored = [idempotency.fingerprints_of(shop, "POST", path, body)[0] for body in bodies]
        unkeyed = [sha256(f"POST {path}\n".encode() + body).hexdigest() for body in bodies]

        assert len({*stored, *unkeyed}) == 4, "without the key nobody can try which code it was"
        assert idempotency.fingerprints_of(shop, "POST", path, bodies[0])[-1] == unkeyed[0], "stored by older versions"
