"""A kiosk's float: cash put in, cash paid out, and the sums of a day."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace_api.accounts import artisans
from marketplace_api.kiosks import cash_float, kiosks
from marketplace_api.orders import orders
from marketplace_api.payments import audit, balances, cash_payouts, ledger
from marketplace_api.refused import Refused
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place


def record_cash(operator: FlaskClient, sample: Sample, amount: int, currency: str = "KES", **headers: str) -> Any:
    body = {"amount": {"amount": amount, "currency": currency}, "note": "Monday's float"}
    return operator.post(f"/kiosks/{sample.kiosk.id}/float", json=body, headers=headers)


def float_of(operator: FlaskClient, sample: Sample) -> int:
    shown = operator.get(f"/kiosks/{sample.kiosk.id}/float").json
    assert shown["kiosk_id"] == sample.kiosk.id
    return int(shown["float"]["amount"])


def pay_in_cash(database: ShopDatabase, sample: Sample, quantity: int = 1) -> None:
    """Receive baskets from Amina and pay for them at once in cash, 1,350 shillings each."""
    with database.open() as shop:
        artisans.set_payout_method(shop, artisans.by_id(shop, sample.artisan.id), "kiosk_cash")
        order = place(shop, sample.product, quantity)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, quantity)
        cash_payouts.collect(shop, sample.kiosk, balances.balance_of(shop, sample.artisan).last[0].id)


def test_cash_handed_over_raises_the_float_and_cash_taken_back_lowers_it(
    operator: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    assert float_of(operator, sample) == 0
    handed_over, taken = record_cash(operator, sample, 5000_00), record_cash(operator, sample, -2000_00)
    assert (handed_over.status_code, handed_over.json["float"]) == (201, {"amount": 5000_00, "currency": "KES"})
    assert (taken.status_code, taken.json["float"]["amount"]) == (201, 3000_00)
    assert float_of(operator, sample) == 3000_00
    with database.open() as shop:
        assert ledger.balance(shop, ledger.ADJUSTMENTS) == -3000_00
        assert list(audit.inconsistencies(shop)) == []


def test_cash_is_entered_once_under_its_idempotency_key(operator: FlaskClient, sample: Sample) -> None:
    first, again = (record_cash(operator, sample, 500_00, **{"Idempotency-Key": "monday"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert float_of(operator, sample) == 500_00


def test_the_same_amount_may_be_entered_again(operator: FlaskClient, sample: Sample) -> None:
    record_cash(operator, sample, 500_00), record_cash(operator, sample, 500_00)
    assert float_of(operator, sample) == 1000_00


@pytest.mark.parametrize(
    ("amount", "currency", "status", "what"),
    [
        (-100_01, "KES", 409, "drawer_short"),
        (100_00, "USD", 409, "other_currency"),
        (0, "KES", 422, "#/amount/amount"),
        (10**13, "KES", 422, "#/amount/amount"),
        (-(10**13), "KES", 422, "#/amount/amount"),
    ],
)
def test_an_invalid_amount_is_refused_and_the_float_stays(
    operator: FlaskClient, sample: Sample, amount: int, currency: str, status: int, what: str
) -> None:
    record_cash(operator, sample, 100_00)
    answer = record_cash(operator, sample, amount, currency)
    assert answer.status_code == status
    assert what in (answer.json.get("reason"), *(mistake["pointer"] for mistake in answer.json.get("errors", ())))
    assert float_of(operator, sample) == 100_00


def test_a_payout_in_cash_lowers_the_float_even_below_zero(
    operator: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    record_cash(operator, sample, 1000_00)
    pay_in_cash(database, sample)
    assert float_of(operator, sample) == -350_00


def test_a_kiosk_day_shows_pieces_payouts_and_float(
    operator: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    record_cash(operator, sample, 5000_00)
    pay_in_cash(database, sample, 2)
    database.advance(hours=12)  # past midnight in Nairobi, not yet in UTC
    pay_in_cash(database, sample)

    path = f"/kiosks/{sample.kiosk.id}/days"
    first = operator.get(f"{path}/2026-11-22").json
    assert first == {
        "kiosk_id": sample.kiosk.id,
        "day": "2026-11-22",
        "pieces_received": 2,
        "cash_payouts": 1,
        "cash_paid": {"amount": 2700_00, "currency": "KES"},
        "float": {"amount": 2300_00, "currency": "KES"},
    }
    second, before = operator.get(f"{path}/2026-11-23").json, operator.get(f"{path}/2026-11-21").json
    names = ("pieces_received", "cash_payouts")
    assert [second[name] for name in names] == [1, 1]
    assert second["float"]["amount"] == float_of(operator, sample) == 950_00
    assert [before[name] for name in names] == [0, 0]
    assert before["float"]["amount"] == 0


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "today", "0001-01-01"])
def test_an_invalid_day_is_not_found(operator: FlaskClient, sample: Sample, day: str) -> None:
    assert operator.get(f"/kiosks/{sample.kiosk.id}/days/{day}").status_code == 404


def test_an_unknown_kiosk_has_no_float(operator: FlaskClient, sample: Sample) -> None:
    assert operator.get("/kiosks/ksk_none/float").status_code == 404
    assert operator.get("/kiosks/ksk_none/days/2026-11-22").status_code == 404


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(-1000, 1000).filter(bool), max_size=8))
def test_no_more_cash_is_taken_out_than_the_float(sqlite_database: ShopDatabase, amounts: list[int]) -> None:
    expected = 0
    with sqlite_database.sessions() as session:  # never committed, so that each example begins with no cash
        shop = sqlite_database.shop(session)
        kiosk = kiosks.create(shop, name="Far", town="Lamu", agent_name="Ali", agent_msisdn="+254711000009")
        session.flush()
        for amount in amounts:
            try:
                cash_float.record_cash(shop, kiosk, amount, "")
                expected += amount
            except Refused:
                assert expected + amount < 0
            assert cash_float.balance(shop, kiosk) == expected >= 0
        session.rollback()
