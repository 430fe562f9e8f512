"""`POST /simulator/pay`: an order is paid as its buyer would pay it, with each fate."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from marketplace_api.models import BuyerPayment, Order
from tests.bot.fixtures import AKINYI, JOY, POT, place_order, products_titled, submit_form
from tests.service import Service


def order_in_window(service: Service, **fields: str) -> str:
    """The code of a new unpaid order."""
    (pot,) = products_titled(service, POT)
    assert submit_form(service, pot["code"], "form", **fields).status_code == 303
    return str(service.api("GET", "/orders?limit=1")["data"][0]["code"])


def pay(service: Service, code: str, fate: str) -> TestResponse:
    return service.http.post("/simulator/pay", json={"order": code, "fate": fate})


def paid(service: Service, code: str, fate: str) -> Any:
    answer = pay(service, code, fate)
    assert answer.status_code == 200, answer.text
    return answer.get_json()["payment"]


def state(service: Service) -> tuple[str, str, list[tuple[str, bool, list[str]]]]:
    """The only order's status and payment status; of each payment its status, whether it is kept, and its refunds."""
    with service.services.database.reading() as session:
        order = session.query(Order).one()
        payments = session.query(BuyerPayment).order_by(BuyerPayment.created_at).all()
        each = [(payment.status, payment.is_kept, [r.reason for r in payment.refunds]) for payment in payments]
        return order.status, order.payment_status, each


def test_a_paid_order_is_offered_and_its_receipt_is_proven(service: Service) -> None:
    code = order_in_window(service)
    payment = paid(service, code, "paid")

    assert payment["status"] == "captured"
    assert state(service) == ("placed", "paid", [("captured", True, [])])
    with service.services.database.reading() as session:
        found = session.get_one(BuyerPayment, payment["id"])
        assert (found.msisdn, (found.reference or "")[:3]) == (JOY, "SIM")
    assert f"new order {code}" in service.inbox(AKINYI)[-1]


@pytest.mark.parametrize("fate", ["cancelled", "unreachable", "no_balance"])
def test_a_buyer_who_does_not_pay_can_pay_after_all(embedded: Service, fate: str) -> None:
    code = order_in_window(embedded)
    assert paid(embedded, code, fate)["status"] == "failed"
    with embedded.services.database.reading() as session:
        assert session.query(BuyerPayment).one().failure == fate
    embedded.clock.advance(1)

    assert paid(embedded, code, "paid")["status"] == "captured"
    assert state(embedded) == ("placed", "paid", [("failed", False, []), ("captured", True, [])])


def test_money_that_comes_late_goes_back_whole(service: Service) -> None:
    assert paid(service, order_in_window(service), "late")["status"] == "captured"
    assert state(service) == ("unpaid", "unpaid", [("captured", False, ["late"])])


def test_money_that_comes_twice_goes_back_once(embedded: Service) -> None:
    code = order_in_window(embedded)
    kept = paid(embedded, code, "twice")
    status, payment_status, payments = state(embedded)

    assert kept["status"] == "captured"
    assert (status, payment_status) == ("placed", "paid")
    assert sorted(payments) == [("captured", False, ["second"]), ("captured", True, [])]


def test_a_prompt_that_is_on_the_phone_already_is_answered(embedded: Service) -> None:
    code = order_in_window(embedded)
    embedded.work()
    assert len(embedded.http.get("/simulator/prompts", query_string={"msisdn": JOY}).get_json()["data"]) == 1
    assert paid(embedded, code, "paid")["status"] == "captured"
    embedded.later(minutes=30)
    assert state(embedded) == ("placed", "paid", [("captured", True, [])])


def test_what_cannot_be_paid_is_refused(embedded: Service) -> None:
    placed = place_order(embedded)
    assert pay(embedded, placed["code"], "paid").status_code == 409
    assert pay(embedded, "ZZZZ", "paid").status_code == 404
    assert pay(embedded, placed["code"], "stolen").status_code == 400
    assert embedded.http.post("/simulator/pay", data="{").status_code == 400


@pytest.mark.parametrize(
    ("fate", "paid_with", "after"),
    [
        ("paid", "captured", ("placed", "paid", [("captured", True, [])])),
        ("cancelled", "asked", ("unpaid", "unpaid", [("asked", False, [])])),
        ("late", "captured", ("unpaid", "unpaid", [("captured", False, ["late"])])),
        ("twice", "captured", ("placed", "paid", [("captured", False, ["second"]), ("captured", True, [])])),
    ],
)
def test_a_card_is_paid_with_each_fate(embedded: Service, fate: str, paid_with: str, after: object) -> None:
    code = order_in_window(embedded, **{"payment.by": "card"})
    assert paid(embedded, code, fate)["status"] == paid_with
    status, payment_status, payments = state(embedded)
    assert (status, payment_status, sorted(payments)) == after


def test_a_card_is_charged_on_the_simulated_page(embedded: Service) -> None:
    code = order_in_window(embedded, **{"payment.by": "card"})
    embedded.work()
    with embedded.services.database.reading() as session:
        payment = session.query(BuyerPayment).one()
    assert (payment.collector, payment.status) == ("stripe", "asked")
    assert embedded.http.post(urlsplit(payment.url or "").path, data={"act": "pay"}).status_code == 303
    embedded.later(seconds=30)

    assert state(embedded) == ("placed", "paid", [("captured", True, [])])
    assert f"new order {code}" in embedded.inbox(AKINYI)[-1]
