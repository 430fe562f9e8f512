"""What collectors post: early, late, twice and forged."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.payments.collector_callbacks import LATEST_HOURS
from bot.providers.collector_contracts import Asked, Captured, NotCaptured, NotCapturedReason, PaybillNotice
from bot.providers.errors import PaymentError, Reason
from marketplace_api.models import DirectPayment
from marketplace_api.orders import direct_payments, orders
from marketplace_api.payments import ledger
from marketplace_api.refused import Refused
from tests.collecting.till import BUYER, PRICE, Till

CAPTURED = Captured(PRICE, "KES", "SG1")
SETTLED_WITHOUT_RECEIPT = Captured(None, None, None)


def charge_token(till: Till, payment_id: str) -> str:
    return till.payment(payment_id).token


def money(till: Till) -> DirectPayment:
    with till.shop() as shop:
        return shop.session.scalars(select(DirectPayment)).one()


def answer_receipt(till: Till, amount: int, msisdn: str | None = BUYER) -> None:
    till.services.collector_callbacks.on_answer(money(till).token, Captured(amount, "KES", "SG1", msisdn=msisdn))
    till.work()


def notice(till: Till, account: str, receipt: str = "SG1") -> None:
    till.services.collector_callbacks.on_paybill("simulator", PaybillNotice(receipt, account, PRICE, "ANN"))
    till.work()


def code_of(till: Till, order_id: str) -> str:
    return till.row(order_id).code


# -- hints


def test_a_hint_makes_us_query_now_and_settles_nothing(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.services.collector_callbacks.on_hint("simulator", "ws_1", "evt_1")
    till.work()
    assert len(till.collector.queries.asked) == 1
    assert till.payment(payment_id).status == "asked"
    till.collector.queries.then(CAPTURED)
    till.services.collector_callbacks.on_hint("simulator", "ws_1", "evt_1")
    till.work()
    assert till.payment(payment_id).status == "asked"
    till.services.collector_callbacks.on_hint("simulator", "ws_1", "evt_2")
    till.work()
    assert till.order_status(order_id) == "placed"


def test_many_hints_without_an_id_cause_few_queries(till: Till) -> None:
    till.order()
    till.work()
    for _ in range(50):
        till.services.collector_callbacks.on_hint("simulator", "ws_1")
        till.work()
    assert len(till.collector.queries.asked) == 1


def test_a_hint_about_nothing_of_ours_changes_nothing(till: Till) -> None:
    till.services.collector_callbacks.on_hint("simulator", "ws_of_nobody", "evt_1")
    till.services.collector_callbacks.on_charge("a guess", CAPTURED, "ws_9")
    till.services.collector_callbacks.on_answer("a guess", CAPTURED)
    till.work()
    assert till.next_due() is None


# -- callbacks under the token of a charge


def test_a_callback_under_the_token_of_a_charge_settles_only_through_a_query(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED)
    till.work()
    assert till.payment(payment_id).status == "asked"
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.advance(20)
    payment = till.payment(payment_id)
    assert (payment.status, payment.reference) == ("captured", "SG1")
    assert till.order_status(order_id) == "placed"


def test_a_receipt_that_comes_after_the_query_is_kept(till: Till) -> None:
    _, payment_id = till.order()
    till.work()
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.advance(10)
    for _ in range(2):
        till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED)
        till.work()
    assert till.payment(payment_id).reference == "SG1"
    assert till.refunds() == []


def test_a_callback_names_a_request_whose_answer_was_lost(till: Till) -> None:
    till.collector.asks.then(PaymentError(Reason.NO_ANSWER))
    order_id, payment_id = till.order()
    till.work()
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED, "ws_7")
    till.work()
    payment = till.payment(payment_id)
    assert (payment.status, payment.provider_id, payment.reference) == ("captured", "ws_7", "SG1")
    assert till.order_status(order_id) == "placed"


def test_without_the_id_of_the_request_the_receipt_is_queried(till: Till) -> None:
    till.collector.asks.then(PaymentError(Reason.NO_ANSWER))
    order_id, payment_id = till.order()
    till.work()
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED)
    till.work()
    assert till.payment(payment_id).status == "unknown"
    assert till.collector.receipts.asked == [("SG1", money(till).token)]
    answer_receipt(till, PRICE)
    assert (till.payment(payment_id).status, till.payment(payment_id).reference) == ("captured", "SG1")
    assert till.order_status(order_id) == "placed"
    assert len(till.payments()) == 1


def test_a_late_callback_of_a_request_whose_answer_was_lost_goes_back_whole(till: Till) -> None:
    till.collector.asks.then(PaymentError(Reason.NO_ANSWER))
    _, payment_id = till.order()
    till.work()
    till.advance(600)
    assert till.payment(payment_id).status == "lapsed"
    till.collector.closes.then(SETTLED_WITHOUT_RECEIPT)
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED, "ws_7")
    till.work()
    assert till.payment(payment_id).status == "captured"
    assert (till.refund().status, till.refund().amount) == ("done", PRICE)


def test_a_late_callback_is_followed_though_its_first_query_fails(till: Till) -> None:
    till.collector.asks.then(PaymentError(Reason.NO_ANSWER))
    _, payment_id = till.order()
    till.work()
    till.advance(600)
    till.collector.closes.then(PaymentError(Reason.THROTTLED), SETTLED_WITHOUT_RECEIPT)
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED, "ws_7")
    till.work()
    assert till.payment(payment_id).status == "lapsed"
    till.advance(3600)
    assert till.payment(payment_id).status == "captured"
    assert (till.refund().status, till.refund().amount) == ("done", PRICE)


def test_a_callback_that_says_paid_after_the_query_said_not_paid_is_queried_again(till: Till) -> None:
    _, payment_id = till.order()
    till.work()
    till.collector.queries.then(NotCaptured(NotCapturedReason.UNREACHABLE, "1037"))
    till.advance(10)
    assert till.payment(payment_id).status == "failed"
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED)
    till.work()
    assert till.payment(payment_id).status == "captured"
    assert till.refund().status == "done"


def test_a_callback_with_another_amount_settles_nothing(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), Captured(PRICE - 100, "KES", "SG1"))
    till.work()
    assert (till.payment(payment_id).status, till.payment(payment_id).failure) == ("unknown", "other_amount")
    assert till.order_status(order_id) == "unpaid"


def test_two_payments_never_share_a_request_or_a_receipt(till: Till) -> None:
    _, first = till.paid()
    till.collector.asks.then(PaymentError(Reason.NO_ANSWER))
    _, second = till.order()
    till.work()
    till.services.collector_callbacks.on_charge(charge_token(till, second), CAPTURED, "ws_1")
    till.work()
    assert till.payment(second).provider_id is None
    assert till.payment(second).status == "unknown"
    assert till.payment(first).reference == "SG1"


# -- money without a prompt


def test_money_by_paybill_and_the_code_pays_for_the_order(each_till: Till) -> None:
    till = each_till
    order_id, _ = till.order()
    till.collector.asks.then(NotCaptured(NotCapturedReason.CANCELLED, "1032"))
    till.work()
    notice(till, f" {code_of(till, order_id).lower()} ")
    assert till.order_status(order_id) == "unpaid"
    answer_receipt(till, PRICE)
    assert till.order_status(order_id) == "placed"
    assert money(till).status == "matched"
    [_, paid] = till.payments()
    assert (paid.reference, paid.is_kept, paid.msisdn, paid.method) == ("SG1", True, BUYER, "mpesa")
    assert till.balance(ledger.collector_account("simulator")) == PRICE


def test_a_notice_that_comes_twice_is_queried_once_and_counts_once(till: Till) -> None:
    order_id, _ = till.order()
    for _ in range(2):
        notice(till, code_of(till, order_id))
    answer_receipt(till, PRICE)
    answer_receipt(till, PRICE)
    notice(till, code_of(till, order_id))
    assert len(till.payments()) == 1
    assert till.refunds() == []
    assert len(till.collector.receipts.asked) == 1


def test_a_notice_alone_moves_no_money_and_is_given_up_after_some_days(till: Till) -> None:
    notice(till, "K7P4")
    while till.next_due() is not None:
        till.advance_to_next()
    assert money(till).status == "noticed"
    assert till.balance(ledger.UNMATCHED) == 0


@pytest.mark.parametrize("error", [PaymentError(reason) for reason in Reason])
def test_a_query_of_a_receipt_that_fails_is_made_again(till: Till, error: PaymentError) -> None:
    till.collector.receipts.then(error, None)
    notice(till, "K7P4")
    till.advance(60)
    assert len(till.collector.receipts.asked) == 2


def test_the_receipt_of_a_prompt_that_a_query_settled_is_no_second_payment(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.advance(10)
    notice(till, code_of(till, order_id))
    answer_receipt(till, PRICE)
    assert till.payment(payment_id).reference == "SG1"
    assert len(till.payments()) == 1
    assert till.refunds() == []


def test_the_receipt_of_a_prompt_settles_it_before_its_query(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    notice(till, code_of(till, order_id))
    answer_receipt(till, PRICE)
    assert (till.payment(payment_id).status, till.payment(payment_id).reference) == ("captured", "SG1")
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.advance(3600)
    assert len(till.payments()) == 1
    assert till.refunds() == []


def test_money_of_another_phone_is_a_second_payment_and_goes_back_whole(till: Till) -> None:
    order_id, payment_id = till.paid(reference=None)
    notice(till, code_of(till, order_id))
    answer_receipt(till, PRICE, msisdn="+254733000333")
    [_, second] = till.payments()
    assert (second.reference, second.is_kept) == ("SG1", False)
    assert till.payment(payment_id).reference is None
    assert (till.refund().payment_id, till.refund().amount, till.refund().reason) == (second.id, PRICE, "second")
    assert till.refund().status == "done"


@pytest.mark.parametrize(("account", "amount"), [("code", PRICE - 100), ("ZZZZ", PRICE), ("for Ann", PRICE)])
def test_other_money_is_kept_as_unmatched(till: Till, account: str, amount: int) -> None:
    order_id, _ = till.order()
    notice(till, code_of(till, order_id) if account == "code" else account)
    answer_receipt(till, amount, msisdn="+254733000333")
    assert till.order_status(order_id) == "unpaid"
    assert money(till).status == "unmatched"
    assert till.balance(ledger.UNMATCHED) == -amount
    assert till.balance(ledger.collector_account("simulator")) == amount


def test_an_operator_assigns_unmatched_money_to_its_order(till: Till) -> None:
    order_id, _ = till.order()
    notice(till, "for Ann")
    answer_receipt(till, PRICE, msisdn="+254733000333")
    with till.shop() as shop:
        direct_payments.assign(shop, money(till).id, orders.by_id(shop, order_id))
    assert till.order_status(order_id) == "placed"
    assert till.balance(ledger.UNMATCHED) == 0
    with till.shop() as shop, pytest.raises(Refused, match="money_not_unmatched"):
        direct_payments.assign(shop, money(till).id, orders.by_id(shop, order_id))


def test_unmatched_money_that_is_assigned_to_an_order_of_another_price_goes_back_whole(till: Till) -> None:
    order_id, _ = till.order()
    notice(till, "for Ann")
    answer_receipt(till, PRICE - 100, msisdn="+254733000333")
    with till.shop() as shop:
        direct_payments.assign(shop, money(till).id, orders.by_id(shop, order_id))
    till.work()
    assert till.order_status(order_id) == "unpaid"
    assert (till.refund().status, till.refund().amount) == ("done", PRICE - 100)


def test_an_operator_gives_unmatched_money_back(till: Till) -> None:
    notice(till, "for Ann")
    answer_receipt(till, PRICE)
    with till.shop() as shop:
        direct_payments.give_back(shop, money(till).id, "REVERSED BY HAND")
    assert money(till).status == "returned"
    assert till.balance(ledger.UNMATCHED) == 0
    assert till.balance(ledger.collector_account("simulator")) == 0


def test_a_second_receipt_under_the_token_of_a_charge_is_money_of_its_own(till: Till) -> None:
    _, payment_id = till.paid(reference="SG1")
    till.services.collector_callbacks.on_charge(charge_token(till, payment_id), Captured(PRICE, "KES", "SG2"))
    till.work()
    till.services.collector_callbacks.on_answer(money(till).token, Captured(PRICE, "KES", "SG2", msisdn=BUYER))
    till.work()
    assert [payment.reference for payment in till.payments()] == ["SG1", "SG2"]
    assert (till.refund().status, till.refund().amount) == ("done", PRICE)
    assert till.collector.asks.asked[0].id == payment_id


def test_receipts_beyond_the_bound_of_an_hour_are_queried_in_the_next_hours(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.payments.collector_callbacks.NOTICES_AN_HOUR", 2)
    for number in range(6):
        notice(till, "K7P4", f"SG{number}")
    for queried in (2, 4, 6):
        till.work()
        assert len({receipt for receipt, _ in till.collector.receipts.asked}) == queried
        till.advance(3600)


def test_known_receipts_do_not_count_for_the_bound_of_an_hour(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-PESA also tells of the receipts of prompts, and may tell of one again."""
    monkeypatch.setattr("bot.payments.collector_callbacks.NOTICES_AN_HOUR", 2)
    till.paid(reference="SG1")
    for receipt in ("SG1", "SG1", "SG2", "SG2", "SG3"):
        notice(till, "K7P4", receipt)
    till.work()
    assert {receipt for receipt, _ in till.collector.receipts.asked} == {"SG2", "SG3"}


def test_receipts_of_a_forger_are_left_out_in_the_end(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.payments.collector_callbacks.NOTICES_AN_HOUR", 2)
    for number in range(20):
        notice(till, "K7P4", f"SG{number}")
    with till.shop() as shop:
        assert len(direct_payments.in_status(shop, "noticed")) == 2 * (1 + LATEST_HOURS)


def test_the_answer_to_asking_may_come_after_the_callback(till: Till) -> None:
    """The callback names the request before the request is answered."""
    _, payment_id = till.order()

    def answer_late(charge: object) -> Asked:
        till.services.collector_callbacks.on_charge(charge_token(till, payment_id), CAPTURED, "ws_1")
        return Asked("ws_1")

    till.collector.ask = answer_late  # type: ignore[method-assign]
    till.collector.queries.then(SETTLED_WITHOUT_RECEIPT)
    till.work()
    till.advance(10)
    assert (till.payment(payment_id).status, till.payment(payment_id).reference) == ("captured", "SG1")
    assert len(till.payments()) == 1
