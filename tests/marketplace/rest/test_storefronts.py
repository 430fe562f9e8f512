"""Terms, statements and settlements of storefronts, to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient

from marketplace_api.catalogue import products
from marketplace_api.models import Product
from marketplace_api.orders import orders
from marketplace_api.payments import audit, ledger
from marketplace_api.rest.app import MarketplaceApi
from tests.marketplace.conftest import Sample, ShopDatabase, bring, client, key_id, order_body

PRICE = 1_234_57
"""A price that no part of an order makes even."""


def money(amount: int, currency: str = "KES") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


@pytest.fixture
def own_id(storefront: FlaskClient, database: ShopDatabase) -> str:
    """The id of the storefront's key."""
    return key_id(database, storefront)


@pytest.fixture
def basket(database: ShopDatabase, sample: Sample) -> Product:
    with database.open() as shop:
        return products.list_product(
            shop, sample.artisan, title="Odd basket", category="baskets", price=PRICE, quantity=90
        )


def limit(operator: FlaskClient, key: str, credit: int | None) -> None:
    body = {"may_vouch": True, "credit": None if credit is None else money(credit)}
    assert operator.put(f"/storefronts/{key}/terms", json=body).status_code == 200


# Terms


def test_a_key_may_vouch_without_limit_until_an_operator_says_otherwise(operator: FlaskClient, own_id: str) -> None:
    path = f"/storefronts/{own_id}/terms"
    usual = {"key_id": own_id, "may_vouch": True, "credit": None, "settle_days": 30, "owed": money(0)}
    assert operator.get(path).json == usual
    strict = {"may_vouch": False, "credit": money(0), "settle_days": 7}
    assert operator.put(path, json=strict).json == usual | strict
    assert operator.get(path).json == usual | strict


@pytest.mark.parametrize(
    "change",
    [
        {"may_vouch": "yes"},
        {"credit": money(-1)},
        {"credit": 5},
        {"settle_days": 0},
        {"settle_days": True},
        {"limit": 1},
    ],
)
def test_terms_that_are_not_valid_are_refused(operator: FlaskClient, own_id: str, change: dict[str, Any]) -> None:
    body = {"may_vouch": True, "credit": None} | change
    assert operator.put(f"/storefronts/{own_id}/terms", json=body).status_code == 422


def test_only_operators_and_those_for_money_set_terms_and_record_settlements(
    api: MarketplaceApi, database: ShopDatabase, storefront: FlaskClient, operator: FlaskClient, own_id: str
) -> None:
    terms, settlement = {"may_vouch": True, "credit": None}, {"amount": money(1), "reference": "B1"}
    accountant, reader = client(api, database, "money"), client(api, database, "read")
    for one, status in ((storefront, 403), (reader, 403), (accountant, 200)):
        assert one.put(f"/storefronts/{own_id}/terms", json=terms).status_code == status
    for one, status in ((storefront, 403), (reader, 403), (accountant, 201)):
        assert one.post(f"/storefronts/{own_id}/settlements", json=settlement).status_code == status
    for path in ("terms", "statement"):
        assert operator.get(f"/storefronts/key_none/{path}").json["reason"] == "unknown_key"


# Credit


def test_an_order_beyond_the_credit_is_refused_and_not_placed(
    storefront: FlaskClient, operator: FlaskClient, own_id: str, basket: Product
) -> None:
    limit(operator, own_id, 3 * PRICE)
    assert storefront.post("/orders", json=order_body(basket, 2)).status_code == 201
    refused = storefront.post("/orders", json=order_body(basket, 2))
    assert (refused.status_code, refused.json["reason"]) == (409, "credit_exhausted")
    assert storefront.post("/orders", json=order_body(basket, 1)).status_code == 201
    assert storefront.get(f"/storefronts/{own_id}/statement").json["closing"] == money(3 * PRICE)
    assert operator.get(f"/products/{basket.id}").json["quantity"] == 87

    operator.post(f"/storefronts/{own_id}/settlements", json={"amount": money(PRICE), "reference": "B1"})
    assert storefront.post("/orders", json=order_body(basket, 1)).status_code == 201


@pytest.mark.every_store
def test_orders_at_once_never_exceed_the_credit(
    storefront: FlaskClient,
    api: MarketplaceApi,
    operator: FlaskClient,
    database: ShopDatabase,
    own_id: str,
    basket: Product,
) -> None:
    limit(operator, own_id, 5 * PRICE)
    together, key = Barrier(12), storefront.environ_base["HTTP_AUTHORIZATION"]

    def order(number: int) -> tuple[int, str]:
        one = api.test_client()
        together.wait()
        body = order_body(basket, 1 + number % 2)
        answer = one.post("/orders", json=body, headers={"Authorization": key})
        return answer.status_code, answer.json.get("reason", "")

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(order, range(12)))
    assert {answer for answer in answers if answer[0] != 201} == {(409, "credit_exhausted")}
    owed = sum(1 + number % 2 for number, answer in enumerate(answers) if answer[0] == 201) * PRICE
    assert 4 * PRICE <= owed <= 5 * PRICE
    assert storefront.get(f"/storefronts/{own_id}/statement").json["closing"] == money(owed)
    with database.open() as shop:
        assert list(audit.inconsistencies(shop)) == []


# Statement


def placed(storefront: FlaskClient, basket: Product, quantity: int, ref: str, shipping: int = 0) -> Any:
    body = order_body(basket, quantity, external_ref=ref, shipping=money(shipping))
    answer = storefront.post("/orders", json=body)
    assert answer.status_code == 201, answer.json
    return answer.json


def test_a_statement_and_its_settlement_are_right_to_the_cent(
    storefront: FlaskClient, operator: FlaskClient, database: ShopDatabase, sample: Sample, own_id: str, basket: Product
) -> None:
    """Whole, in parts, declined, cancelled, short at the kiosk: each order leaves what was really delivered."""
    whole = placed(storefront, basket, 3, "whole", shipping=99_99)
    part = placed(storefront, basket, 5, "part")
    short = placed(storefront, basket, 4, "short", shipping=1)
    declined = placed(storefront, basket, 2, "declined", shipping=500)
    cancelled = placed(storefront, basket, 1, "cancelled")
    database.advance(hours=1)
    with database.open() as shop:
        orders.accept(shop, sample.artisan, whole["code"])
        bring(shop, sample.kiosk, orders.by_id(shop, whole["id"]), 3)
        orders.ship(shop, orders.by_id(shop, whole["id"]), "DHL", "1")
        orders.accept(shop, sample.artisan, part["code"], 2)
        orders.accept(shop, sample.artisan, short["code"])
        bring(shop, sample.kiosk, orders.by_id(shop, short["id"]), 1)
        orders.decline(shop, sample.artisan, declined["code"], "busy")
    assert storefront.post(f"/orders/{cancelled['id']}/cancel").status_code == 200
    database.advance(hours=1)
    body = {"amount": money(2 * PRICE), "reference": "BANK-1"}
    first, again = (
        operator.post(f"/storefronts/{own_id}/settlements", json=body, headers={"Idempotency-Key": "s"}) for _ in "12"
    )
    owed = (3 + 2 + 1) * PRICE + 99_99 + 1 - 2 * PRICE
    assert (first.status_code, again.json) == (201, first.json)
    assert (first.json["key_id"], first.json["owed"]) == (own_id, money(owed))
    twice = operator.post(f"/storefronts/{own_id}/settlements", json=body)
    assert (twice.status_code, twice.json["reason"]) == (409, "reference_known")

    statement = storefront.get(f"/storefronts/{own_id}/statement").json
    assert statement == operator.get(f"/storefronts/{own_id}/statement").json
    assert (statement["opening"], statement["closing"]) == (money(0), money(owed))
    assert facts(statement["lines"]) == [
        ("vouched", "whole", 3 * PRICE + 99_99),
        ("vouched", "part", 5 * PRICE),
        ("vouched", "short", 4 * PRICE + 1),
        ("vouched", "declined", 2 * PRICE + 500),
        ("vouched", "cancelled", PRICE),
        ("credit", "part", -3 * PRICE),
        ("credit", "short", -3 * PRICE),
        ("credit", "declined", -2 * PRICE - 500),
        ("credit", "cancelled", -PRICE),
        ("settled", "BANK-1", -2 * PRICE),
    ]
    balance = 0
    for line in statement["lines"]:
        balance += line["amount"]["amount"]
        assert line["balance"] == money(balance)
    with database.open() as shop:
        assert ledger.balance(shop, ledger.storefront_account(own_id)) == owed
        assert ledger.balance(shop, ledger.BANK) == 2 * PRICE
        assert list(audit.inconsistencies(shop)) == []


def facts(lines: Sequence[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """What each line is, of which order or settlement, and its amount."""
    return [(line["what"], line["external_ref"] or line["reference"], line["amount"]["amount"]) for line in lines]


def test_a_statement_of_a_period_begins_with_what_was_owed_before_it(
    storefront: FlaskClient, operator: FlaskClient, database: ShopDatabase, own_id: str, basket: Product
) -> None:
    placed(storefront, basket, 1, "old")
    database.advance(days=1)
    placed(storefront, basket, 2, "new")
    database.advance(days=1)
    operator.post(f"/storefronts/{own_id}/settlements", json={"amount": money(5 * PRICE), "reference": "B"})
    path = f"/storefronts/{own_id}/statement"
    period = storefront.get(f"{path}?since=2026-11-23T00:00:00Z&until=2026-11-24T00:00:00Z").json
    assert (period["opening"], period["closing"]) == (money(PRICE), money(3 * PRICE))
    assert facts(period["lines"]) == [("vouched", "new", 2 * PRICE)]
    assert storefront.get(path).json["closing"] == money(-2 * PRICE)


def test_a_storefront_sees_only_its_own_statement(
    api: MarketplaceApi, database: ShopDatabase, own_id: str, storefront: FlaskClient
) -> None:
    path = f"/storefronts/{own_id}/statement"
    assert client(api, database, "storefront").get(path).status_code == 404
    assert client(api, database, "read").get(path).status_code == 200
    assert client(api, database, "orders").get(path).status_code == 403
