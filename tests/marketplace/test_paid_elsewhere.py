"""`POST /payouts`: what an operator paid by another way is entered once, or refused in words and not at all."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from marketplace_api.models import LedgerEntry, Order, Payout
from marketplace_api.orders import orders
from marketplace_api.payments import audit, balances, ledger, settlement
from tests.marketplace.conftest import Market, Stand, bring, place, register

REFERENCE = "BANK-77"


@pytest.fixture
def received(market: Market, stand: Stand) -> Order:
    """2,700 shillings are due to Amina, for two baskets."""
    with market.open() as shop:
        order = place(shop, stand.product, 2)
        orders.accept(shop, stand.artisan, order.code)
        bring(shop, stand.kiosk, order, 2)
    return order


def body(stand: Stand, amount: int = 270_000, **other: Any) -> dict[str, Any]:
    money = {"amount": amount, "currency": "KES"}
    return {"artisan_id": stand.artisan.id, "amount": money, "provider_reference": REFERENCE, **other}


def entries(market: Market) -> int:
    with market.open() as shop:
        assert list(audit.inconsistencies(shop)) == []
        return shop.session.scalar(select(func.count()).select_from(LedgerEntry)) or 0


def owed(market: Market, stand: Stand) -> int:
    with market.open() as shop:
        return balances.balance_of(shop, stand.artisan).owed


def test_with_an_order_it_settles_what_is_due_for_it(
    operator: FlaskClient, market: Market, stand: Stand, received: Order
) -> None:
    (due,) = operator.get("/payouts").json["data"]
    answer = operator.post("/payouts", json=body(stand, order_id=received.id))
    assert answer.status_code == 201
    paid = {"status": "paid", "provider_reference": REFERENCE, "paid_at": "2026-11-22T09:00:00Z"}
    assert answer.json == due | paid
    assert operator.get("/payouts").json["data"] == [answer.json]
    assert operator.get("/events?limit=100").json["data"][-1]["type"] == "payout.paid"
    assert owed(market, stand) == 0
    assert entries(market) == 2


def test_without_an_order_it_leaves_what_she_is_owed_alone(
    operator: FlaskClient, market: Market, stand: Stand, received: Order
) -> None:
    answer = operator.post("/payouts", json=body(stand, 500_00))
    assert (answer.status_code, answer.json["order_id"], answer.json["status"]) == (201, None, "paid")
    assert owed(market, stand) == 270_000
    with market.open() as shop:
        assert ledger.balance(shop, ledger.ADJUSTMENTS) == 500_00
    assert entries(market) == 2


def test_it_is_announced_once_under_its_key(operator: FlaskClient, market: Market, stand: Stand) -> None:
    first, again = (
        operator.post("/payouts", json=body(stand), headers={"Idempotency-Key": "transfer-1"}) for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert entries(market) == 1


def test_a_reference_stands_for_one_payment(operator: FlaskClient, market: Market, stand: Stand) -> None:
    operator.post("/payouts", json=body(stand))
    again = operator.post("/payouts", json=body(stand))
    assert (again.status_code, again.json["reason"]) == (409, "reference_known")
    assert REFERENCE in again.json["detail"]
    assert entries(market) == 1


@pytest.mark.parametrize(
    ("other", "status", "what"),
    [
        ({"artisan_id": "art_nobody"}, 404, "unknown_artisan"),
        ({"order_id": "ord_none"}, 404, "unknown_order"),
        ({"amount": {"amount": 270_000, "currency": "USD"}}, 409, "other_currency"),
        ({"amount": {"amount": 0, "currency": "KES"}}, 422, "#/amount/amount"),
        ({"amount": {"amount": -270_000, "currency": "KES"}}, 422, "#/amount/amount"),
        ({"amount": {"amount": 10**15, "currency": "KES"}}, 422, "#/amount/amount"),
        ({"amount": {"amount": 1.5, "currency": "KES"}}, 422, "#/amount/amount"),
        ({"provider_reference": " "}, 422, "#/provider_reference"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_nothing_is_entered(
    operator: FlaskClient, market: Market, stand: Stand, other: dict[str, Any], status: int, what: str
) -> None:
    answer = operator.post("/payouts", json=body(stand) | other)
    assert answer.status_code == status
    assert what in (answer.json.get("reason"), *(mistake["pointer"] for mistake in answer.json.get("errors", ())))
    assert entries(market) == 0
    assert operator.get("/payouts").json["data"] == []


@pytest.mark.parametrize("amount", [269_999, 270_001])
def test_another_amount_than_what_waits_for_that_order_is_refused(
    operator: FlaskClient, market: Market, stand: Stand, received: Order, amount: int
) -> None:
    answer = operator.post("/payouts", json=body(stand, amount, order_id=received.id))
    assert (answer.status_code, answer.json["reason"]) == (409, "not_due")
    assert received.code in answer.json["detail"]
    assert entries(market) == 1


def test_what_is_being_paid_is_not_paid_by_another_way_too(
    operator: FlaskClient, market: Market, stand: Stand, received: Order
) -> None:
    with market.open() as shop:
        (due,) = shop.session.scalars(select(Payout))
        settlement.begin_sending(shop, due.id)
    answer = operator.post("/payouts", json=body(stand, order_id=received.id))
    assert (answer.status_code, answer.json["reason"]) == (409, "not_due")
    assert operator.get(f"/payouts/{due.id}").json["status"] == "sending"
    assert entries(market) == 2


def test_what_waits_for_one_artisan_is_not_settled_with_another(
    operator: FlaskClient, market: Market, stand: Stand, received: Order
) -> None:
    with market.open() as shop:
        other = register(shop, stand.kiosk, "+254722000000", name="Wanjiku")
    answer = operator.post("/payouts", json=body(stand, order_id=received.id) | {"artisan_id": other.id})
    assert (answer.status_code, answer.json["reason"]) == (409, "not_due")
    assert entries(market) == 1


def test_only_operators_announce_payments(storefront: FlaskClient, anybody: FlaskClient, stand: Stand) -> None:
    assert storefront.post("/payouts", json=body(stand)).status_code == 403
    assert anybody.post("/payouts", json=body(stand)).status_code == 401
