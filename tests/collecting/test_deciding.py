"""An operator decides on payments of which the collector reports something else than was asked for."""

from __future__ import annotations

import pytest
from click.testing import Result

from bot.app import create_app
from bot.providers.collector_contracts import Captured, NotCaptured, NotCapturedReason
from marketplace_api.orders import orders, paying
from marketplace_api.payments import ledger
from tests.collecting.test_collector_callbacks import answer_receipt, code_of, notice
from tests.collecting.till import BUYER, PRICE, Till
from tests.command_line import run_command

OTHER_PHONE = "+254733000444"
ACCOUNT = ledger.collector_account("simulator")


def run(till: Till, *words: str) -> Result:
    return run_command(create_app(services=till.services), "collecting", *words)


def undecided(till: Till, reported: Captured | None = None) -> tuple[str, str]:
    """The ids of an order and of its payment, of which the collector reports another amount."""
    order_id, payment_id = till.order()
    till.work()
    till.collector.queries.then(reported or Captured(PRICE - 100, "KES", "SG1"))
    till.advance(10)
    assert till.payment(payment_id).failure == "other_amount"
    return order_id, payment_id


def test_another_amount_is_booked_as_it_came_and_goes_back_whole(each_till: Till) -> None:
    till = each_till
    order_id, payment_id = undecided(till)
    listed = run(till, "undecided").output
    assert payment_id in listed
    assert "asked KSh 1,500  reported another amount: 149900 KES, receipt SG1" in listed
    assert run(till, "decide", payment_id, "1499", "SG1").output == "it goes back whole\n"
    payment, refund = till.payment(payment_id), till.refund()
    assert (payment.status, payment.amount, payment.shop_amount) == ("captured", PRICE - 100, PRICE - 100)
    assert (payment.is_kept, payment.failure, payment.reference) == (False, None, "SG1")
    assert (till.order_status(order_id), till.balance(ACCOUNT)) == ("unpaid", PRICE - 100)
    till.work()
    [asked] = till.collector.refunds.asked
    assert (asked.amount, asked.whole, asked.reference) == (PRICE - 100, True, "SG1")
    refund = till.refund()
    assert (refund.status, refund.reason, till.balance(ACCOUNT)) == ("done", "late", 0)
    assert run(till, "undecided").output == ""
    with till.shop() as shop:  # the order still waits, and can be paid
        paying.start_by_phone(shop, orders.lock(shop, orders.by_id(shop, order_id)), BUYER)


def test_the_whole_price_from_another_phone_pays_for_the_order(each_till: Till) -> None:
    till = each_till
    order_id, payment_id = undecided(till, Captured(PRICE, "KES", "SG1", msisdn=OTHER_PHONE))
    done = run(till, "decide", payment_id, "1500", "SG1", "--phone", "0733000444")
    assert done.output == f"it pays for order {code_of(till, order_id)}\n"
    payment = till.payment(payment_id)
    assert (payment.status, payment.is_kept, payment.msisdn) == ("captured", True, OTHER_PHONE)
    assert (till.order_status(order_id), till.refunds()) == ("placed", [])
    till.work()
    till.check()


def test_the_whole_price_for_an_order_that_has_ended_goes_back(till: Till) -> None:
    order_id, payment_id = undecided(till)
    till.cancel(order_id)
    till.work()
    assert run(till, "decide", payment_id, "1500", "SG1").output == "it goes back whole\n"
    till.work()
    assert (till.refund().status, till.balance(ACCOUNT)) == ("done", 0)


def test_money_that_a_paybill_notice_brought_in_is_not_taken_twice(till: Till) -> None:
    order_id, payment_id = undecided(till)
    notice(till, code_of(till, order_id))
    answer_receipt(till, PRICE - 100)
    assert till.balance(ledger.UNMATCHED) == -(PRICE - 100)
    other = run(till, "decide", payment_id, "1500", "SG1")
    assert (other.exit_code, till.payment(payment_id).failure) == (1, "other_amount"), "another amount than is booked"
    run(till, "decide", payment_id, "1499", "SG1")
    assert (till.balance(ledger.UNMATCHED), till.balance(ACCOUNT)) == (0, PRICE - 100)
    till.work()
    assert till.balance(ACCOUNT) == 0


def test_a_prompt_that_was_put_back_and_paid_all_the_same_is_decided(till: Till) -> None:
    _, payment_id = till.order()
    till.collector.queries.then(NotCaptured(NotCapturedReason.TRY_LATER, "17"))
    till.work()
    till.advance(10)
    assert till.payment(payment_id).status == "created"
    token = till.payment(payment_id).token
    till.services.collector_callbacks.on_charge(token, Captured(PRICE + 100, "KES", "SG1"))
    run(till, "decide", payment_id, "1501", "SG1")
    assert (till.payment(payment_id).status, till.balance(ACCOUNT)) == ("captured", PRICE + 100)
    till.advance(300)
    assert (till.refund().status, len(till.collector.asks.asked)) == ("done", 1)


def test_a_payment_for_which_nothing_came_has_lapsed(till: Till) -> None:
    _, payment_id = undecided(till)
    assert run(till, "dismiss", payment_id, "not in the statement").output == "the payment is lapsed\n"
    payment = till.payment(payment_id)
    assert (payment.status, payment.failure, payment.detail) == ("lapsed", None, "not in the statement")
    assert run(till, "undecided").output == ""


@pytest.mark.parametrize("act", ["decide", "dismiss"])
def test_only_an_undecided_payment_is_decided(till: Till, act: str) -> None:
    _, payment_id = till.paid()
    words = ["1500", "SG2"] if act == "decide" else ["nothing"]
    refused = run(till, act, payment_id, *words)
    assert (refused.exit_code, "nothing to decide" in refused.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "code"), [(("0", "SG1"), 1), (("1499.999", "SG1"), 2), (("1499", "SG1", "--phone", "me"), 2)]
)
def test_what_cannot_have_come_is_refused(till: Till, words: tuple[str, ...], code: int) -> None:
    _, payment_id = undecided(till)
    assert run(till, "decide", payment_id, *words).exit_code == code
    assert till.payment(payment_id).failure == "other_amount"


def test_a_receipt_of_another_payment_is_refused(till: Till) -> None:
    till.paid(reference="SG1")
    _, payment_id = undecided(till, Captured(PRICE, "KES", "SG1"))
    assert run(till, "decide", payment_id, "1500", "SG1").exit_code == 1
    assert run(till, "decide", payment_id, "1500", "SG2").exit_code == 0
