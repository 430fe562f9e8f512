"""Reversals of entries and payments that came back: the audit stays clean, and no ended payout is paid again."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace_api.accounts import artisans
from marketplace_api.kiosks import cash_float
from marketplace_api.models import Event, LedgerEntry, Order, Payout
from marketplace_api.orders import corrections, orders
from marketplace_api.payments import (
    audit,
    balances,
    cash_codes,
    cash_payouts,
    elsewhere,
    ledger,
    payouts,
    returns,
    settlement,
)
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place

WHY = "recorded by mistake"


def received(shop: Shop, sample: Sample, quantity: int = 2) -> tuple[Order, Payout]:
    order = place(shop, sample.product, quantity)
    orders.accept(shop, sample.artisan, order.code)
    bring(shop, sample.kiosk, order, quantity)
    return order, newest(shop, order)


def newest(shop: Shop, order: Order) -> Payout:
    """The order's payout of the last piece."""
    of_order = select(Payout).where(Payout.order_id == order.id)
    return shop.session.scalars(of_order.order_by(Payout.piece.desc()).limit(1)).one()


def pay(shop: Shop, payout: Payout) -> None:
    settlement.begin_sending(shop, payout.id)
    settlement.settle_paid(shop, payout.id, "SFF6")


def owed(shop: Shop, sample: Sample) -> int:
    assert list(audit.inconsistencies(shop)) == []
    return balances.balance_of(shop, sample.artisan).owed


def event_types(shop: Shop) -> list[str]:
    return [event.type for event in shop.session.scalars(select(Event).order_by(Event.seq))]


def test_a_payment_that_came_back_is_returned_and_owed_again(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order, payout = received(shop, sample)
        pay(shop, payout)
        assert owed(shop, sample) == 0

        returns.give_back(shop, payout.id, "the phone is closed")

        assert (payout.status, payout.failure, payout.provider_reference) == ("returned", "the phone is closed", "SFF6")
        assert owed(shop, sample) == 2_700_00
        assert balances.balance_of(shop, sample.artisan).paid == 0
        assert ledger.balance(shop, ledger.provider_account("simulator")) == 0
        again = newest(shop, order)
        assert (again.status, again.amount, again.fault_party) == ("failed", 2_700_00, "recipient")
        assert event_types(shop)[-2:] == ["payout.returned", "payout.created"]
        with pytest.raises(Refused, match="payout_not_sendable"):
            settlement.begin_sending(shop, again.id)


def test_what_came_back_is_paid_to_another_phone_or_in_cash(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        for method, status in (("kiosk_cash", "awaiting_collection"), ("mobile_money", "held")):
            artisans.set_payout_method(shop, sample.artisan, "mobile_money")
            order, payout = received(shop, sample, 1)
            settlement.begin_sending(shop, payout.id)
            settlement.settle_paid(shop, payout.id, f"SF-{method}")
            returns.give_back(shop, payout.id, WHY)

            artisans.set_payout_method(shop, sample.artisan, method, "+254711000123")

            again = newest(shop, order)
            assert (again.method, again.status) == (method, status)
            assert (again.cash_code_hash is not None) == (method == "kiosk_cash")
            assert list(audit.inconsistencies(shop)) == []


def test_the_reversal_of_a_payment_returns_the_payout_once(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(shop, sample)
        pay(shop, payout)

        assert corrections.reverse(shop, f"paid:{payout.id}", WHY)
        assert not corrections.reverse(shop, f"paid:{payout.id}", WHY)

        assert payout.status == "returned"
        assert owed(shop, sample) == 2_700_00
        with pytest.raises(Refused, match="payout_not_settled"):
            returns.give_back(shop, payout.id, WHY)


def test_cash_that_was_not_handed_out_waits_under_a_new_code(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.set_payout_method(shop, sample.artisan, "kiosk_cash")
        order, payout = received(shop, sample)
        old_code = cash_codes.present(shop, payout)
        cash_payouts.collect(shop, sample.kiosk, payout.id)

        corrections.reverse(shop, f"collected:{payout.id}", WHY)

        again = newest(shop, order)
        assert (payout.status, again.status) == ("returned", "awaiting_collection")
        assert cash_codes.present(shop, again) not in (None, old_code)
        assert cash_float.balance(shop, sample.kiosk) == 0
        assert owed(shop, sample) == 2_700_00


def test_a_payment_that_was_not_for_goods_is_not_owed_after_its_reversal(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        payout = elsewhere.record_paid_elsewhere(shop, sample.artisan, 70_00, "KES", "BANK-1", None)

        corrections.reverse(shop, f"paid:{payout.id}", WHY)

        assert payout.status == "returned"
        assert owed(shop, sample) == 0
        assert len(shop.session.scalars(select(Payout)).all()) == 1


def test_the_reversal_of_a_sending_ends_the_payment_on_its_way(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(shop, sample)
        settlement.begin_sending(shop, payout.id)

        corrections.reverse(shop, f"sent:{payout.id}:1", WHY)

        assert (payout.status, payout.failure) == ("failed", WHY)
        assert owed(shop, sample) == 2_700_00
        assert event_types(shop)[-1] == "payout.failed"
        with pytest.raises(Refused, match="payout_not_sendable"):
            settlement.begin_sending(shop, payout.id)


def test_an_earlier_sending_cannot_be_reversed(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(shop, sample)
        settlement.begin_sending(shop, payout.id)
        settlement.release(shop, payout.id)
        settlement.begin_sending(shop, payout.id)
        for key in (f"sent:{payout.id}:1", f"back:{payout.id}:1"):
            with pytest.raises(Refused, match="entry_final"):
                corrections.reverse(shop, key, WHY)
        assert payout.status == "sending"
        assert list(audit.inconsistencies(shop)) == []


def test_the_reversal_of_a_receipt_expects_the_goods_again_and_cancels_the_payout(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order, payout = received(shop, sample)

        assert corrections.reverse(shop, f"earned:{order.assignments[0].id}", WHY)
        assert not corrections.reverse(shop, f"earned:{order.assignments[0].id}", WHY)

        assert [part.status for part in order.assignments] == ["reversed", "accepted"]
        assert (order.status, order.kiosk_id, order.total) == ("accepted", None, 3_000_00)
        assert payout.status == "cancelled"
        assert owed(shop, sample) == 0
        assert event_types(shop)[-2:] == ["order.receipt_reversed", "payout.cancelled"]
        with pytest.raises(Refused, match="payout_not_sendable"):
            settlement.begin_sending(shop, payout.id)

        bring(shop, sample.kiosk, order, 2)
        assert order.status == "at_kiosk"
        assert owed(shop, sample) == 2_700_00


def test_a_receipt_stays_when_its_goods_were_paid_or_shipped(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order, payout = received(shop, sample)
        key = f"earned:{order.assignments[0].id}"
        pay(shop, payout)
    for refusal in ("payout_on_its_way", "receipt_final"):
        with database.open() as shop, pytest.raises(Refused, match=refusal):
            corrections.reverse(shop, key, WHY)
        with database.open() as shop:
            assert list(audit.inconsistencies(shop)) == []
            assert not ledger.is_reversed(shop, key)
            if refusal == "payout_on_its_way":
                orders.ship(shop, order, "DHL", "7")


def test_a_payment_and_then_its_goods_can_be_reversed(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order, payout = received(shop, sample)
        pay(shop, payout)
        corrections.reverse(shop, f"paid:{payout.id}", WHY)
        corrections.reverse(shop, f"earned:{order.assignments[0].id}", WHY)

        statuses = sorted(shop.session.scalars(select(Payout.status)))
        assert statuses == ["cancelled", "returned"]
        assert owed(shop, sample) == 0


def test_a_reversal_is_not_reversed_and_an_unknown_entry_is_refused(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        cash_float.record_cash(shop, sample.kiosk, 500_00, "change")
        key = shop.session.scalars(select(LedgerEntry.key)).one()
        assert corrections.reverse(shop, key, WHY)
        assert not corrections.reverse(shop, key, WHY)
        assert cash_float.balance(shop, sample.kiosk) == 0
        for wrong, refusal in ((f"reversal:{key}", "entry_final"), ("paid:pay_1", "unknown_entry")):
            with pytest.raises(Refused, match=refusal):
                corrections.reverse(shop, wrong, WHY)


@pytest.mark.parametrize("method", ["mobile_money", "kiosk_cash"])
def test_a_payment_from_before_the_ledger_is_reversed_and_its_goods_are_not(
    database: ShopDatabase, sample: Sample, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upgrade that brought the ledger wrote `opening` entries: one for the goods, and one for the payment."""
    post = ledger.post

    def post_as_opening(shop: Shop, key: str, *rest: Any, **floor: Any) -> bool:
        return post(shop, key.replace("earned", "opening"), *rest, **floor)

    with database.open() as shop:
        artisans.set_payout_method(shop, sample.artisan, method)
        with monkeypatch.context() as before:
            before.setattr(
                ledger,
                "post",
                lambda shop, key, *rest, **floor: post(shop, key.replace("earned", "opening"), *rest, **floor),
            )
            order, payout = received(shop, sample)
            before.setattr(ledger, "post", lambda *_: True)
            if method == "kiosk_cash":
                cash_payouts.collect(shop, sample.kiosk, payout.id)
                paid_from = ledger.kiosk_account(sample.kiosk.id)
            else:
                pay(shop, payout)
                paid_from = ledger.provider_account("simulator")
        of_goods, of_payment = f"opening:{order.assignments[0].id}", f"opening:{payout.id}:{payout.status}"
        artisan = ledger.artisan_account(sample.artisan.id)
        ledger.post(shop, of_payment, "", {artisan: payout.amount, paid_from: -payout.amount})
        assert owed(shop, sample) == 0

        with pytest.raises(Refused, match="entry_final"):
            corrections.reverse(shop, of_goods, WHY)
        assert corrections.reverse(shop, of_payment, WHY)
        assert not corrections.reverse(shop, of_payment, WHY)

        assert payout.status == "returned"
        assert owed(shop, sample) == 2_700_00
        assert ledger.balance(shop, paid_from) == 0


# -- the API


def events(database: ShopDatabase, type: str) -> list[dict[str, Any]]:
    with database.open() as shop:
        rows = shop.session.scalars(select(Event).where(Event.type == type).order_by(Event.seq))
        return [{"by": row.by, **row.data} for row in rows]


def test_an_operator_returns_a_payout(operator: FlaskClient, database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(shop, sample)
        pay(shop, payout)

    answer = operator.post(f"/payouts/{payout.id}/return", json={"reason": "account closed"})
    again = operator.post(f"/payouts/{payout.id}/return", json={"reason": "account closed"})

    assert (answer.status_code, answer.json["status"], answer.json["failure"]) == (200, "returned", "account closed")
    assert again.status_code == 409
    assert operator.get(f"/payouts/{payout.id}").json["status"] == "returned"
    (event,) = events(database, "payout.returned")
    assert (event["id"], event["by"]) == (payout.id, "key:a operator")


def test_the_api_checks_the_ledger(
    operator: FlaskClient, storefront: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        received(shop, sample)
    found = operator.get("/ledger/check").json
    assert found["ok"]
    assert all(check["ok"] and check["detail"] == "" for check in found["checks"])

    with database.open() as shop:
        ledger.post(shop, "slip", "", {ledger.COMMISSION: -5, ledger.ADJUSTMENTS: 5})
    found = operator.get("/ledger/check").json
    assert not found["ok"]
    assert [check["name"] for check in found["checks"] if not check["ok"]] == ["earned_by_goods"]
    assert "commission should be 30000 and is 30005" in next(c["detail"] for c in found["checks"] if not c["ok"])
    assert storefront.get("/ledger/check").status_code == 403


def test_the_float_and_the_agent_of_a_kiosk_change_with_an_event_and_a_name(
    operator: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    amount = {"amount": 500_00, "currency": "KES"}
    operator.post(f"/kiosks/{sample.kiosk.id}/float", json={"amount": amount, "note": "change"})
    operator.patch(f"/kiosks/{sample.kiosk.id}", json={"agent": {"name": "Ali", "phone": "+254711000009"}})
    operator.patch(f"/kiosks/{sample.kiosk.id}", json={"town": "Voi"})

    (float_changed,) = events(database, "kiosk_float.changed")
    (agent_changed,) = events(database, "kiosk.agent_changed")
    (updated,) = events(database, "kiosk.updated")
    assert float_changed["kiosk_id"] == sample.kiosk.id
    assert (float_changed["amount"], float_changed["float"], float_changed["note"]) == (amount, amount, "change")
    assert agent_changed["agent"] == {"name": "Ali", "phone": "+254711000009"}
    assert updated["town"] == "Voi"
    assert {float_changed["by"], agent_changed["by"], updated["by"]} == {"key:a operator"}


def test_payouts_that_ended_unpaid_are_not_among_the_last_ones(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(shop, sample)
        pay(shop, payout)
        returns.give_back(shop, payout.id, WHY)
        last = balances.balance_of(shop, sample.artisan).last
        assert [row.status for row in last] == ["failed"]
        assert payouts.by_id(shop, payout.id).status == "returned"
