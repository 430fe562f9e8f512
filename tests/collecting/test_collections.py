"""Payments of buyers: every answer and error of a collector, in every status."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.payments import collections
from bot.providers.collector_contracts import Asked, Captured, NotCaptured, NotCapturedReason, StillOpen
from bot.providers.errors import PaymentError, Reason
from marketplace_api.orders import deadlines, orders, paying
from marketplace_api.payments import ledger
from tests.collecting.till import BUYER, PRICE, Till

CAPTURED = Captured(PRICE, "KES", "SG1")
UNKNOWN = [reason for reason in Reason if reason.outcome_unknown]
RETRYABLE = [reason for reason in Reason if reason.retryable]
FINAL = [reason for reason in Reason if not reason.retryable and not reason.outcome_unknown]


def test_a_buyer_is_asked_once_and_the_order_is_offered_when_the_collector_says_that_it_is_paid(
    each_till: Till,
) -> None:
    till = each_till
    order_id, payment_id = till.order()
    till.work()
    assert till.payment(payment_id).status == "asked"
    assert till.payment(payment_id).provider_id == "ws_1"
    assert till.order_status(order_id) == "unpaid"
    till.advance(10)
    till.collector.queries.then(CAPTURED)
    till.advance(20)
    assert till.payment(payment_id).status == "captured"
    assert till.order_status(order_id) == "placed"
    assert len(till.collector.asks.asked) == 1
    [charge] = till.collector.asks.asked
    assert (charge.amount, charge.currency, charge.msisdn) == (PRICE, "KES", BUYER)
    assert till.balance(ledger.collector_account("simulator")) == PRICE
    assert till.next_due() is None


def test_the_gaps_between_queries_grow_up_to_the_end_and_then_an_hour(till: Till) -> None:
    till.order()
    till.work()
    gaps = []
    while (gap := till.next_due()) is not None:
        gaps.append(gap)
        till.advance_to_next()
    assert gaps[:5] == [10, 20, 40, 80, 30]  # the last one is when the time to pay is over
    assert gaps[5:] == sorted(gaps[5:])
    assert max(gaps) == 3600
    assert sum(gaps) < (collections.LATE + timedelta(hours=2)).total_seconds()


FINALLY = [
    reason for reason in NotCapturedReason if reason not in (NotCapturedReason.EXPIRED, NotCapturedReason.TRY_LATER)
]


@pytest.mark.parametrize("reason", FINALLY)
def test_what_a_collector_refuses_at_once_has_failed(till: Till, reason: NotCapturedReason) -> None:
    till.collector.asks.then(NotCaptured(reason, "the words of the provider"))
    order_id, payment_id = till.order()
    till.work()
    payment = till.payment(payment_id)
    assert (payment.status, payment.failure, payment.detail) == ("failed", reason.value, "the words of the provider")
    assert till.next_due() is None
    with till.shop() as shop:
        paused = paying.is_paused(shop, "simulator")
    assert paused is (reason is NotCapturedReason.MISCONFIGURED)
    assert till.order_status(order_id) == "unpaid"


@pytest.mark.parametrize("reason", UNKNOWN)
def test_after_a_lost_answer_nobody_is_asked_a_second_time(till: Till, reason: Reason) -> None:
    till.collector.asks.then(PaymentError(reason))
    _, payment_id = till.order()
    till.work()
    assert till.payment(payment_id).status == "unknown"
    till.advance(179)
    assert till.payment(payment_id).status == "unknown"
    till.advance(1)
    assert till.payment(payment_id).status == "lapsed"
    assert len(till.collector.asks.asked) == 1
    assert till.next_due() is None


@pytest.mark.parametrize("reason", UNKNOWN)
def test_a_collector_that_knows_our_id_is_asked_again_under_it(card_till: Till, reason: Reason) -> None:
    till = card_till
    till.collector.asks.then(PaymentError(reason), Asked("cs_1", "https://pay.example/1"))
    _, payment_id = till.order(method="card")
    till.work()
    assert till.payment(payment_id).status == "asked"
    till.advance(10)
    assert till.payment(payment_id).url == "https://pay.example/1"
    assert till.collector.asks.asked[0] == till.collector.asks.asked[1]


@pytest.mark.parametrize(
    "refusal",
    [
        NotCaptured(NotCapturedReason.MISCONFIGURED, "wrong key"),
        PaymentError(Reason.MISCONFIGURED),
        PaymentError(Reason.THROTTLED),
        PaymentError(Reason.REFUSED),
    ],
    ids=str,
)
def test_a_refused_repetition_says_nothing_about_the_request_that_may_have_been_heard(
    card_till: Till, refusal: NotCaptured | PaymentError
) -> None:
    till = card_till
    till.collector.asks.then(PaymentError(Reason.NO_ANSWER), refusal, Asked("cs_1", "https://pay.example/1"))
    order_id, payment_id = till.order(method="card")
    till.work()
    till.advance(10)
    assert till.payment(payment_id).status == "asked"
    till.collector.queries.then(CAPTURED)
    till.advance(20)
    till.advance(40)
    assert (till.payment(payment_id).status, till.order_status(order_id)) == ("captured", "placed")
    with till.shop() as shop:
        assert paying.is_paused(shop, "simulator") is ("misconfigured" in str(refusal).lower())


@pytest.mark.parametrize("reason", RETRYABLE)
def test_what_the_collector_has_not_heard_is_asked_again_later(till: Till, reason: Reason) -> None:
    till.collector.asks.then(PaymentError(reason, retry_after=timedelta(minutes=2)), Asked("ws_1"))
    _, payment_id = till.order()
    till.work()
    assert till.payment(payment_id).status == "created"
    till.advance(119)
    assert len(till.collector.asks.asked) == 1
    till.advance(1)
    assert till.payment(payment_id).status == "asked"


@pytest.mark.parametrize("by_query", [False, True])
def test_what_the_network_did_not_ask_is_asked_again_after_two_minutes(till: Till, by_query: bool) -> None:
    later = NotCaptured(NotCapturedReason.TRY_LATER, "17")
    if by_query:
        till.collector.queries.then(later, StillOpen())
    else:
        till.collector.asks.then(later)
    _, payment_id = till.order()
    till.work()
    till.collector.asks.then(Asked("ws_2"))
    till.advance(10)
    assert till.payment(payment_id).status == "created"
    till.advance(120)
    assert (till.payment(payment_id).status, till.payment(payment_id).provider_id) == ("asked", "ws_2")


def test_what_the_collector_never_hears_lapses(till: Till) -> None:
    till.collector.asks.then(PaymentError(Reason.UNREACHABLE))
    _, payment_id = till.order()
    till.work()
    for _ in range(20):
        till.advance(10)
    assert till.payment(payment_id).status == "lapsed"
    assert till.next_due() is None


@pytest.mark.parametrize("reason", FINAL)
def test_what_the_collector_refuses_for_good_has_failed(till: Till, reason: Reason) -> None:
    till.collector.asks.then(PaymentError(reason, "no"))
    _, payment_id = till.order()
    till.work()
    expected = "misconfigured" if reason is Reason.MISCONFIGURED else "declined"
    assert (till.payment(payment_id).status, till.payment(payment_id).failure) == ("failed", expected)


def test_while_a_collector_is_paused_nobody_is_asked(till: Till) -> None:
    _, payment_id = till.order()
    with till.shop() as shop:
        paying.pause_collecting(shop, "simulator", "wrong passkey")
    till.work()
    till.advance(60)
    assert till.payment(payment_id).status == "created"
    with till.shop() as shop:
        assert paying.resume_collecting(shop, "simulator")
    till.advance(30)
    assert till.payment(payment_id).status == "asked"


def test_other_collectors_go_on_while_one_is_paused(till: Till) -> None:
    with till.shop() as shop:
        paying.pause_collecting(shop, "another", "wrong passkey")
    _, payment_id = till.order()
    till.work()
    assert till.payment(payment_id).status == "asked"


@pytest.mark.parametrize(
    "other",
    [
        Captured(PRICE - 100, "KES", "SG1"),
        Captured(PRICE, "USD", "SG1"),
        Captured(PRICE, "KES", "SG1", msisdn="+254799999999"),
    ],
)
def test_another_amount_currency_or_phone_stays_unknown(till: Till, other: Captured) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.collector.queries.then(other)
    till.advance(10)
    payment = till.payment(payment_id)
    assert (payment.status, payment.failure) == ("unknown", "other_amount")
    assert till.order_status(order_id) == "unpaid"
    till.advance(3600)
    assert till.payment(payment_id).status == "unknown"
    assert till.next_due() is None


def test_the_receipt_of_another_payment_settles_nothing(till: Till) -> None:
    till.paid(reference="SG1")
    _, payment_id = till.order()
    till.work()
    till.collector.queries.then(CAPTURED)
    till.advance(10)
    assert (till.payment(payment_id).status, till.payment(payment_id).failure) == ("unknown", "other_amount")


def test_a_query_without_amount_and_receipt_settles(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.collector.queries.then(Captured(None, None, None))
    till.advance(10)
    assert (till.payment(payment_id).status, till.payment(payment_id).reference) == ("captured", None)
    assert till.order_status(order_id) == "placed"


@pytest.mark.parametrize("reason", [*FINALLY, NotCapturedReason.EXPIRED])
def test_a_query_ends_what_was_not_paid(till: Till, reason: NotCapturedReason) -> None:
    _, payment_id = till.order()
    till.work()
    till.collector.queries.then(NotCaptured(reason, "no"))
    till.advance(10)
    expected = {NotCapturedReason.EXPIRED: "lapsed", NotCapturedReason.MISCONFIGURED: "asked"}
    assert till.payment(payment_id).status == expected.get(reason, "failed")
    assert (till.next_due() is None) is (reason is not NotCapturedReason.MISCONFIGURED)


@pytest.mark.parametrize("reason", Reason)
def test_a_query_that_fails_is_made_again(till: Till, reason: Reason) -> None:
    _, payment_id = till.order()
    till.work()
    till.collector.queries.then(PaymentError(reason), CAPTURED)
    till.advance(10)
    assert till.payment(payment_id).status == "asked"
    till.advance(20)
    assert till.payment(payment_id).status == "captured"


def test_at_its_end_a_request_is_closed_and_the_answer_decides(card_till: Till) -> None:
    till = card_till
    _, payment_id = till.order(method="card")
    till.work()
    till.collector.closes.then(CAPTURED)
    while till.payment(payment_id).status == "asked":
        till.advance_to_next()
    assert till.payment(payment_id).status == "captured"
    assert till.services.clock() == till.payment(payment_id).expires_at


def test_a_closed_request_that_is_expired_is_not_queried_again(card_till: Till) -> None:
    till = card_till
    _, payment_id = till.order(method="card")
    till.work()
    till.collector.closes.then(NotCaptured(NotCapturedReason.EXPIRED, "expired"))
    while till.next_due() is not None:
        till.advance_to_next()
    assert till.payment(payment_id).status == "lapsed"
    assert len(till.collector.closes.asked) == 1


def test_money_that_comes_after_the_time_goes_back_whole(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.advance(180)
    assert till.payment(payment_id).status == "lapsed"
    till.collector.closes.then(CAPTURED)
    till.advance_to_next()
    assert till.payment(payment_id).status == "captured"
    assert till.refund().status == "done"
    assert till.refund().amount == PRICE
    assert till.order_status(order_id) == "unpaid"
    assert till.balance(ledger.collector_account("simulator")) == 0


def test_money_for_an_order_that_was_cancelled_meanwhile_goes_back_whole(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.collector.closes.then(CAPTURED)
    till.cancel(order_id)
    till.work()
    assert till.payment(payment_id).status == "captured"
    assert (till.refund().status, till.refund().reason) == ("done", "late")


def test_an_order_that_is_not_paid_expires_and_its_payment_was_closed(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.advance(900)
    with till.shop() as shop:
        assert deadlines.expire_unpaid(shop) == 1
    till.work()
    assert till.order_status(order_id) == "expired"
    assert till.payment(payment_id).status == "lapsed"


def test_what_was_not_asked_before_the_order_ended_is_never_asked(till: Till) -> None:
    order_id, payment_id = till.order()
    till.cancel(order_id)
    till.work()
    assert till.payment(payment_id).status == "lapsed"
    assert till.collector.asks.asked == []


def test_an_answer_that_comes_after_the_callback_changes_nothing(till: Till) -> None:
    order_id, payment_id = till.order()
    till.work()
    till.collector.queries.then(CAPTURED)
    till.advance(10)
    with till.shop() as shop:
        payment = orders.by_id(shop, order_id).payments[0]
        collections.settle(shop, payment, CAPTURED)
        collections.settle(shop, payment, Captured(PRICE, "KES", None))
    assert till.payment(payment_id).reference == "SG1"
    assert till.refunds() == []


def test_a_dispute_is_found_by_a_hint_and_ends_as_the_collector_says(card_till: Till) -> None:
    till = card_till
    _, payment_id = till.paid(method="card")
    till.collector.disputes.then(PaymentError(Reason.THROTTLED), "open")
    till.services.collector_callbacks.on_hint("simulator", "SG1", "evt_1")
    till.work()
    assert till.payment(payment_id).status == "captured"
    till.advance(3600)
    assert till.payment(payment_id).status == "disputed"
    till.collector.disputes.then("lost")
    till.advance(12 * 3600)
    assert till.payment(payment_id).status == "charged_back"
    assert till.balance(ledger.LOSSES) == PRICE
    assert till.next_due() is None


def test_a_dispute_that_was_won_leaves_the_payment_captured(card_till: Till) -> None:
    till = card_till
    _, payment_id = till.paid(method="card")
    till.collector.disputes.then("open", "won")
    till.services.collector_callbacks.on_hint("simulator", "SG1", "evt_1")
    till.work()
    till.services.collector_callbacks.on_hint("simulator", "SG1", "evt_2")
    till.work()
    assert till.payment(payment_id).status == "captured"
    assert till.next_due() is None


def test_a_still_open_request_is_polled_until_it_lapses(till: Till) -> None:
    _, payment_id = till.order()
    till.work()
    till.collector.queries.then(StillOpen())
    till.advance(179)
    assert till.payment(payment_id).status == "asked"
    till.advance(1)
    assert till.payment(payment_id).status == "lapsed"


def test_a_dispute_that_is_lost_after_all_was_given_back_costs_nothing_more(card_till: Till) -> None:
    till = card_till
    order_id, payment_id = till.paid(method="card")
    till.cancel(order_id)
    till.work()
    till.collector.disputes.then("lost")
    till.services.collector_callbacks.on_hint("simulator", "SG1", "evt_1")
    till.work()
    assert till.payment(payment_id).status == "charged_back"
    assert till.balance(ledger.LOSSES) == 0
