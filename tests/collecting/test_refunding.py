"""Refunds: every answer and error of a collector and of a payer, in every status."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.providers.collector_contracts import NotRefunded, NotRefundedReason, Refunded, RefundPending
from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason
from bot.providers.payment_contracts import NotFound, NotPaid, Paid, PaymentCallback, Pending
from marketplace_api.orders import orders, paying
from marketplace_api.payments import ledger, refunds
from tests.collecting.till import BUYER, PRICE, Till
from tests.marketplace.conftest import request

UNKNOWN = [reason for reason in Reason if reason.outcome_unknown]
PAUSING = [Reason.MISCONFIGURED, Reason.INSUFFICIENT_FUNDS]
RETRYABLE = [reason for reason in Reason if reason.retryable and reason not in PAUSING]
FINAL = [reason for reason in Reason if not (reason.retryable or reason.outcome_unknown or reason in PAUSING)]


def not_refunded(reason: NotRefundedReason) -> NotRefunded:
    return NotRefunded(reason, "no")


def with_refund(till: Till, quantity: int = 1) -> None:
    """An order that was paid and then cancelled; its refund is due."""
    order_id, _ = till.paid(quantity)
    till.cancel(order_id)


def with_part(till: Till) -> None:
    """An order of three pieces of which the artisan can make two."""
    order_id, _ = till.paid(3)
    till.accept(order_id, 2)


def by_payer(till: Till) -> None:
    """A refund that the collector cannot give back, and that a payer will."""
    till.collector.refunds.then(not_refunded(NotRefundedReason.NOT_POSSIBLE))
    with_refund(till)
    till.work()
    assert (till.refund().status, till.refund().payer_ids) == ("due", 1)


def test_a_whole_payment_goes_back_by_its_collector(each_till: Till) -> None:
    till = each_till
    with_refund(till)
    till.work()
    refund = till.refund()
    assert (refund.status, refund.reference, refund.provider) == ("done", "REVERSED", "simulator")
    [asked] = till.collector.refunds.asked
    assert (asked.id, asked.token, asked.whole, asked.reference) == (refund.id, refund.token, True, "SG1")
    assert till.balance(ledger.collector_account("simulator")) == 0
    assert till.next_due() is None


def test_a_part_is_named_as_one(till: Till) -> None:
    with_part(till)
    till.work()
    [asked] = till.collector.refunds.asked
    assert (asked.amount, asked.whole) == (PRICE, False)
    assert till.refund().status == "done"
    assert till.balance(ledger.collector_account("simulator")) == 2 * PRICE


@pytest.mark.parametrize("reason", UNKNOWN)
def test_after_a_lost_answer_the_collector_is_queried_and_not_asked_again(till: Till, reason: Reason) -> None:
    till.collector.refunds.then(PaymentError(reason))
    with_refund(till)
    till.work()
    assert till.refund().status == "unknown"
    till.advance(10)
    till.collector.refund_queries.then(Refunded("R1"))
    till.advance(20)
    assert (till.refund().status, till.refund().reference) == ("done", "R1")
    assert len(till.collector.refunds.asked) == 1


def test_each_query_has_a_token_of_its_own(till: Till) -> None:
    till.collector.refunds.then(RefundPending(("AG_1",)))
    with_refund(till)
    till.work()
    till.advance(10)
    till.advance(20)
    tokens = [request.token for request in (*till.collector.refunds.asked, *till.collector.refund_queries.asked)]
    assert len(set(tokens)) == 3
    assert till.refund().provider_id == "AG_1"


def test_a_refund_that_the_collector_does_not_know_is_asked_for_again_under_its_id(till: Till) -> None:
    till.collector.refunds.then(PaymentError(Reason.NO_ANSWER), Refunded("R1"))
    with_refund(till)
    till.work()
    till.collector.refund_queries.then(not_refunded(NotRefundedReason.NOT_FOUND))
    till.advance(10)
    assert till.refund().status == "due"
    till.advance(20)
    assert till.refund().status == "done"
    assert len({request.id for request in till.collector.refunds.asked}) == 1


@pytest.mark.parametrize("reason", RETRYABLE)
def test_what_the_collector_has_not_heard_is_sent_again(till: Till, reason: Reason) -> None:
    till.collector.refunds.then(PaymentError(reason, retry_after=timedelta(minutes=5)), Refunded("R1"))
    with_refund(till)
    till.work()
    assert till.refund().status == "due"
    till.advance(300)
    assert till.refund().status == "done"


@pytest.mark.parametrize("reason", FINAL)
def test_what_the_collector_refuses_for_good_waits_for_an_operator(till: Till, reason: Reason) -> None:
    till.collector.refunds.then(PaymentError(reason, "no"), Refunded("R1"))
    with_refund(till)
    till.work()
    assert (till.refund().status, till.refund().failure) == ("failed", "no")
    assert till.next_due() is None
    with till.shop() as shop:
        refunds.retry(shop, till.refund().id)
    till.work()
    assert till.refund().status == "done"


@pytest.mark.parametrize(
    "answer",
    [
        *(PaymentError(reason) for reason in PAUSING),
        not_refunded(NotRefundedReason.NO_FLOAT),
        not_refunded(NotRefundedReason.MISCONFIGURED),
    ],
)
def test_what_we_have_to_correct_pauses_refunds_and_no_payments(till: Till, answer: object) -> None:
    till.collector.refunds.then(answer, Refunded("R1"))
    with_refund(till)
    till.work()
    till.advance(10)
    assert till.refund().status == "due"
    till.advance(3600)
    assert len(till.collector.refunds.asked) == 1
    _, payment_id = till.order()
    till.work()
    assert till.payment(payment_id).status == "asked"
    with till.shop() as shop:
        assert paying.resume_collecting(shop, "refunds:simulator")
    till.advance(60)
    assert till.refund().status == "done"


def test_what_was_given_back_before_is_queried(till: Till) -> None:
    till.collector.refunds.then(not_refunded(NotRefundedReason.ALREADY))
    with_refund(till)
    till.work()
    assert till.refund().status == "unknown"
    till.collector.refund_queries.then(Refunded("R1"))
    till.advance(10)
    assert till.refund().status == "done"


def test_a_query_that_is_refused_says_nothing_about_the_refund(till: Till) -> None:
    till.collector.refunds.then(PaymentError(Reason.NO_ANSWER))
    with_refund(till)
    till.work()
    till.collector.refund_queries.then(not_refunded(NotRefundedReason.MISCONFIGURED), PaymentError(Reason.REFUSED))
    till.advance(10)
    till.advance(20)
    assert till.refund().status == "unknown"


def test_a_card_that_cannot_be_refunded_waits_for_an_operator(card_till: Till) -> None:
    till = card_till
    till.collector.refunds.then(not_refunded(NotRefundedReason.NOT_POSSIBLE))
    order_id, _ = till.paid(method="card")
    till.cancel(order_id)
    till.work()
    assert till.refund().status == "failed"
    with till.shop() as shop:
        refunds.settle_elsewhere(shop, till.refund().id, "bank 17")
    assert till.refund().status == "done"
    assert till.balance(ledger.BANK) == -PRICE


def done_by_card(till: Till) -> None:
    """A card refund that the collector has said to be done."""
    till.collector.refunds.then(Refunded("re_1"))
    till.collector.refund_queries.then(Refunded("re_1"))
    order_id, _ = till.paid(method="card")
    till.cancel(order_id)
    till.work()
    assert till.refund().status == "done"


@pytest.mark.parametrize("name", ["re_1", "SG1"])
@pytest.mark.parametrize("reason", [NotRefundedReason.NOT_POSSIBLE, NotRefundedReason.NO_FLOAT])
def test_a_card_refund_that_the_bank_returns_has_failed_and_can_be_made_again(
    each_card_till: Till, reason: NotRefundedReason, name: str
) -> None:
    till = each_card_till
    done_by_card(till)
    account = ledger.collector_account("simulator")
    assert (till.balance(account), till.balance(ledger.REFUNDS)) == (0, 0)
    till.collector.refund_queries.then(NotRefunded(reason, "re_1 failed expired_or_canceled_card"))
    till.services.collector_callbacks.on_hint("simulator", name, "evt_1")
    assert till.refund().status == "done", "an event alone changes nothing"
    till.work()

    refund = till.refund()
    assert (refund.status, refund.done_at, refund.failure) == ("failed", None, "re_1 failed expired_or_canceled_card")
    assert refund.returned_at is not None
    assert (till.balance(account), till.balance(ledger.REFUNDS), till.balance(ledger.REFUNDING)) == (PRICE, -PRICE, 0)
    till.check()

    till.collector.refunds.then(Refunded("re_2"))
    till.collector.refund_queries.then(Refunded("re_2"))
    with till.shop() as shop:
        refunds.retry(shop, refund.id)
    till.work()
    assert (till.refund().status, till.refund().reference, till.balance(account)) == ("done", "re_2", 0)
    till.check()

    till.collector.refund_queries.then(NotRefunded(reason, "re_2 failed"))
    till.services.collector_callbacks.on_hint("simulator", "re_2", "evt_2")
    till.work()
    with till.shop() as shop:
        refunds.settle_elsewhere(shop, refund.id, "bank 18")
    assert (till.refund().status, till.balance(account), till.balance(ledger.BANK)) == ("done", PRICE, -PRICE)
    till.services.collector_callbacks.on_hint("simulator", "re_2", "evt_3")
    till.work()
    assert till.refund().status == "done", "no bank returns what an operator gave back by other means"


def test_a_card_refund_that_comes_back_is_found_without_an_event(card_till: Till) -> None:
    till = card_till
    done_by_card(till)
    days = []
    while (due := till.next_due()) is not None:
        days.append(round(due / 86_400))
        if sum(days) == 16:
            till.collector.refund_queries.then(not_refunded(NotRefundedReason.NOT_POSSIBLE))
        till.advance(due)
    assert (days, till.refund().status) == ([1, 1, 2, 4, 8], "failed")


def test_a_card_refund_is_watched_as_long_as_its_bank_may_return_it(card_till: Till) -> None:
    till = card_till
    done_by_card(till)
    passed = 0.0
    while (due := till.next_due()) is not None:
        passed += due
        till.advance(due)
    assert (passed / 86_400, len(till.collector.refund_queries.asked)) == (32, 5)
    assert till.refund().status == "done"


@pytest.mark.parametrize(
    "answer",
    [not_refunded(NotRefundedReason.NOT_FOUND), not_refunded(NotRefundedReason.MISCONFIGURED), RefundPending()],
)
def test_a_refund_that_is_done_stays_done_unless_the_collector_says_that_it_failed(
    card_till: Till, answer: object
) -> None:
    till = card_till
    done_by_card(till)
    till.collector.refund_queries.then(answer)
    till.services.collector_callbacks.on_hint("simulator", "re_1", "evt_1")
    till.work()
    assert (till.refund().status, len(till.collector.refund_queries.asked)) == ("done", 1)


def test_a_reversal_of_a_payment_by_phone_is_final(till: Till) -> None:
    with_refund(till)
    till.work()
    till.services.collector_callbacks.on_hint("simulator", "REVERSED", "evt_1")
    till.work()
    assert (till.refund().status, till.next_due(), till.collector.refund_queries.asked) == ("done", None, [])


# -- by the answer of a callback


@pytest.mark.parametrize("twice", [1, 2])
def test_the_result_under_the_token_settles_that_refund(till: Till, twice: int) -> None:
    till.collector.refunds.then(RefundPending())
    with_refund(till)
    till.work()
    for _ in range(twice):
        till.services.collector_callbacks.on_answer(till.refund().token or "", Refunded("R1"))
    assert (till.refund().status, till.refund().reference) == ("done", "R1")


def test_a_result_without_outcome_makes_us_query(till: Till) -> None:
    till.collector.refunds.then(RefundPending())
    with_refund(till)
    till.work()
    till.services.collector_callbacks.on_answer(till.refund().token or "", None)
    till.work()
    assert len(till.collector.refund_queries.asked) == 1


def test_a_result_before_the_answer_to_the_request_settles(till: Till) -> None:
    def refund_early(refunding: object) -> RefundPending:
        till.services.collector_callbacks.on_answer(till.refund().token or "", Refunded("R1"))
        return RefundPending(("AG_1",))

    till.collector.refund = refund_early  # type: ignore[method-assign]
    with_refund(till)
    till.work()
    assert till.refund().status == "done"
    assert till.next_due() is None


def test_a_reference_of_another_refund_settles_nothing(till: Till) -> None:
    till.collector.refunds.then(Refunded("R1"))
    for reference in ("SG1", "SG2"):
        order_id, _ = till.paid(reference=reference)
        till.cancel(order_id)
        till.work()
    assert [refund.status for refund in till.refunds()] == ["done", "unknown"]


def test_a_refund_that_was_said_not_to_be_made_and_then_is_made_is_done(till: Till) -> None:
    till.collector.refunds.then(PaymentError(Reason.REFUSED))
    with_refund(till)
    till.work()
    assert till.refund().status == "failed"
    till.services.collector_callbacks.on_answer(till.refund().token or "", Refunded("R1"))
    assert till.refund().status == "done"


# -- by a payout to the paying phone


def test_where_the_collector_cannot_a_payout_to_the_paying_phone_gives_it_back(each_till: Till) -> None:
    till = each_till
    by_payer(till)
    till.advance(10)
    refund = till.refund()
    assert (refund.status, refund.provider, refund.reference) == ("done", "bank", "B2C1")
    [asked] = till.payer.pays.asked
    assert (asked.id, asked.msisdn, asked.amount) == (refund.id, BUYER, PRICE)
    assert till.balance(ledger.provider_account("bank")) == -PRICE
    assert till.balance(ledger.collector_account("simulator")) == PRICE
    assert len(till.collector.refunds.asked) == 1


@pytest.mark.parametrize("answer", [Pending(("AG_1",)), DuplicatePaymentError(), PaymentError(Reason.NO_ANSWER)])
def test_a_payout_whose_outcome_is_open_is_queried_and_not_made_again(till: Till, answer: object) -> None:
    till.payer.pays.then(answer)
    by_payer(till)
    till.advance(10)
    assert till.refund().status in ("sending", "unknown")
    till.payer.queries.then(Paid("B2C1", PRICE))
    till.advance(20)
    assert till.refund().status == "done"
    assert len(till.payer.pays.asked) == 1


def test_a_payout_that_the_payer_does_not_know_is_made_under_the_same_id(till: Till) -> None:
    till.payer.pays.then(PaymentError(Reason.NO_ANSWER), Paid("B2C1", None))
    by_payer(till)
    till.advance(10)
    till.payer.queries.then(NotFound())
    till.advance(20)
    till.advance(40)
    assert till.refund().status == "done"
    assert len({asked.id for asked in till.payer.pays.asked}) == 1


def test_a_payout_that_was_finally_refused_is_tried_again_under_another_id(till: Till) -> None:
    till.payer.pays.then(NotPaid("2040", "recipient"), Paid("B2C1", None))
    by_payer(till)
    till.advance(10)
    assert (till.refund().status, till.refund().failure) == ("failed", "2040")
    with till.shop() as shop:
        refunds.retry(shop, till.refund().id)
    till.work()
    assert till.refund().status == "done"
    assert [asked.id for asked in till.payer.pays.asked] == [till.refund().id, f"{till.refund().id}-2"]


def test_a_payer_without_float_pauses_refunds_until_it_is_topped_up(till: Till) -> None:
    till.payer.pays.then(NotPaid("1", "us"), Paid("B2C1", None))
    by_payer(till)
    till.advance(10)
    till.advance(20)
    assert till.refund().status == "due"
    with till.shop() as shop:
        assert paying.is_paused(shop, "refunds:bank")
        assert not paying.is_paused(shop, "simulator")
        paying.resume_collecting(shop, "refunds:bank")
    till.advance(60)
    assert till.refund().status == "done"


@pytest.mark.parametrize("paid", [Paid("B2C1", PRICE - 100), Paid("B2C1", PRICE, "+254799999999")])
def test_a_payout_of_another_amount_or_to_another_phone_settles_nothing(till: Till, paid: Paid) -> None:
    till.payer.pays.then(paid)
    by_payer(till)
    till.advance(10)
    assert till.refund().status == "unknown"


@pytest.mark.parametrize("queried", [False, True])
def test_the_result_of_a_payout_under_its_token_settles_the_refund(till: Till, queried: bool) -> None:
    till.payer.pays.then(Pending())
    by_payer(till)
    till.advance(10)
    if queried:
        till.advance(20)
    refund, paid = till.refund(), Paid("B2C1", PRICE, BUYER)
    token = refund.query_token if queried else refund.token
    callback = PaymentCallback((refund.id,), None if queried else paid, paid if queried else None)
    till.services.payer_callbacks.on_result("bank", token or "", callback)
    assert till.refund().status == "done"


def test_a_refused_query_of_a_payout_does_not_fail_the_refund(till: Till) -> None:
    """Its envelope reads like a payment that was not made, and the token says that it answers a query."""
    till.payer.pays.then(Pending())
    by_payer(till)
    till.advance(10)
    till.advance(20)
    refund = till.refund()
    callback = PaymentCallback((refund.id,), NotPaid("2001", "us"), None)
    till.services.payer_callbacks.on_result("bank", refund.query_token or "", callback)
    assert till.refund().status == "unknown"


def test_a_hint_of_the_payer_about_a_refund_brings_its_query_forward(till: Till) -> None:
    till.payer.pays.then(Pending(("AG_1",)))
    by_payer(till)
    till.advance(10)
    till.services.payer_callbacks.on_hint("bank", ["AG_1"])
    till.work()
    assert len(till.payer.queries.asked) == 1


def test_a_phone_that_is_not_known_and_an_amount_that_is_too_small_wait_for_an_operator(till: Till) -> None:
    by_payer(till)
    with till.shop() as shop:
        refunds.by_id(shop, till.refund().id).payment.msisdn = None
    till.advance(10)
    assert (till.refund().status, till.refund().failure) == ("failed", "the paying phone is not known")
    assert till.payer.pays.asked == []


# -- others


def test_what_is_less_than_the_smallest_coin_is_done_at_once(till: Till) -> None:
    _, payment_id = till.paid()
    with till.shop() as shop:
        paying.give_back(shop, payment_id, 50)
    till.work()
    assert (till.refund().amount, till.refund().status) == (0, "done")
    assert till.collector.refunds.asked == []


def test_money_that_an_operator_received_is_given_back_by_an_operator(till: Till) -> None:
    order_id, _ = till.order()
    till.collector.asks.then(PaymentError(Reason.REFUSED))
    till.work()
    with till.shop() as shop:
        paying.announce(shop, orders.by_id(shop, order_id), PRICE, "bank 1")
    till.cancel(order_id)
    till.work()
    assert till.refund().status == "due"
    assert till.collector.refunds.asked == []
    with till.shop() as shop:
        refunds.settle_elsewhere(shop, till.refund().id, "bank 2")
    assert till.balance(ledger.BANK) == 0


def test_an_order_that_a_storefront_vouched_for_is_never_refunded(till: Till) -> None:
    with till.shop() as shop:
        order = orders.place(shop, request(), till.product_id, 1)
        orders.cancel(shop, order)
    till.work()
    assert till.refunds() == []
