"""`POST /payouts`: a payment by an operator is entered once, or refused and not entered."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from marketplace_api.models import LedgerEntry, Order, Payout
from marketplace_api.orders import orders
from marketplace_api.payments import audit, balances, ledger, settlement
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, register

pytestmark = pytest.mark.every_store

REFERENCE = "BANK-77"


@pytest.fixture
def received(database: ShopDatabase, sample: Sample) -> Order:
    """2,700 shillings are due to Amina, for two baskets."""
    with database.open() as shop:
        order = place(shop, sample.product, 2)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 2)
    return order


def body(sample: Sample, amount: int = 270_000, **other: Any) -> dict[str, Any]:
    money = {"amount": amount, "currency": "KES"}
    return {"artisan_id": sample.artisan.id, "amount": money, "provider_reference": REFERENCE, **other}


def entries(database: ShopDatabase) -> int:
    with database.open() as shop:
        assert list(audit.inconsistencies(shop)) == []
        return shop.session.scalar(select(func.count()).select_from(LedgerEntry)) or 0


def amount_owed(database: ShopDatabase, sample: Sample) -> int:
    with database.open() as shop:
        return balances.balance_of(shop, sample.artisan).owed


def test_with_an_order_the_waiting_payout_is_settled(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, received: Order
) -> None:
    (due,) = operator.get("/payouts").json["data"]
    answer = operator.post("/payouts", json=body(sample, order_id=received.id))
    assert answer.status_code == 201
    paid = {"status": "paid", "provider_reference": REFERENCE, "paid_at": "2026-11-22T09:00:00Z"}
    assert answer.json == due | paid
    assert operator.get("/payouts").json["data"] == [answer.json]
    assert operator.get("/events?limit=100").json["data"][-1]["type"] == "payout.paid"
    assert amount_owed(database, sample) == 0
    assert entries(database) == 3


def test_without_an_order_the_debt_does_not_change(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, received: Order
) -> None:
    answer = operator.post("/payouts", json=body(sample, 500_00))
    assert (answer.status_code, answer.json["order_id"], answer.json["status"]) == (201, None, "paid")
    assert amount_owed(database, sample) == 270_000
    with database.open() as shop:
        assert ledger.balance(shop, ledger.ADJUSTMENTS) == 500_00
    assert entries(database) == 3


def test_a_payment_is_entered_once_under_its_idempotency_key(
    operator: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    first, again = (
        operator.post("/payouts", json=body(sample), headers={"Idempotency-Key": "transfer-1"}) for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert entries(database) == 1


def test_a_reference_is_used_for_one_payment(operator: FlaskClient, database: ShopDatabase, sample: Sample) -> None:
    operator.post("/payouts", json=body(sample))
    again = operator.post("/payouts", json=body(sample))
    assert (again.status_code, again.json["reason"]) == (409, "reference_known")
    assert REFERENCE in again.json["detail"]
    assert entries(database) == 1


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
def test_an_invalid_payment_is_refused_and_nothing_is_entered(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, other: dict[str, Any], status: int, what: str
) -> None:
    answer = operator.post("/payouts", json=body(sample) | other)
    assert answer.status_code == status
    assert what in (answer.json.get("reason"), *(mistake["pointer"] for mistake in answer.json.get("errors", ())))
    assert entries(database) == 0
    assert operator.get("/payouts").json["data"] == []


@pytest.mark.parametrize("amount", [269_999, 270_001])
def test_an_amount_that_no_payout_has_is_refused(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, received: Order, amount: int
) -> None:
    answer = operator.post("/payouts", json=body(sample, amount, order_id=received.id))
    assert (answer.status_code, answer.json["reason"]) == (409, "not_due")
    assert received.code in answer.json["detail"]
    assert entries(database) == 2


def test_a_payout_in_flight_is_not_settled_elsewhere(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, received: Order
) -> None:
    with database.open() as shop:
        (due,) = shop.session.scalars(select(Payout))
        settlement.begin_sending(shop, due.id)
    answer = operator.post("/payouts", json=body(sample, order_id=received.id))
    assert (answer.status_code, answer.json["reason"]) == (409, "not_due")
    assert operator.get(f"/payouts/{due.id}").json["status"] == "sending"
    assert entries(database) == 3


def test_a_payout_of_another_artisan_is_not_settled(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, received: Order
) -> None:
    with database.open() as shop:
        other = register(shop, sample.kiosk, "+254722000000", name="Wanjiku")
    answer = operator.post("/payouts", json=body(sample, order_id=received.id) | {"artisan_id": other.id})
    assert (answer.status_code, answer.json["reason"]) == (409, "not_due")
    assert entries(database) == 2


def test_only_operators_announce_payments(storefront: FlaskClient, anonymous: FlaskClient, sample: Sample) -> None:
    assert storefront.post("/payouts", json=body(sample)).status_code == 403
    assert anonymous.post("/payouts", json=body(sample)).status_code == 401
