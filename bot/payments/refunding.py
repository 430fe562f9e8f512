"""Jobs that give money back, one per refund until it is settled, and what an answer does to a refund.

    event refund.due ──> consumer ──> job "refund" ──> the collector gives it back; where it cannot, a payout does

A refund is asked for under one id for ever, and a request is committed before it is sent. After a lost answer the
provider is queried; only if it does not know the refund is it asked again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from bot.payments import queueing
from bot.payments.collections import POLLS, Collectors, pause
from bot.payments.queueing import OwnShop
from bot.providers.collector_contracts import (
    Collector,
    NotRefunded,
    NotRefundedReason,
    Refunded,
    Refunding,
    RefundPending,
)
from bot.providers.errors import PaymentError, Reason
from bot.providers.payment_contracts import NotFound, NotPaid, Paid, Payer, Payment, PaymentStatus, Pending
from marketplace_api.models import Refund
from marketplace_api.orders import paying
from marketplace_api.payments import ledger, refunds
from marketplace_api.payments.money import BY_PHONE
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from state.outbox import Job

log = logging.getLogger(__name__)

GAP_WHILE_PAUSED = timedelta(minutes=1)
WATCHED_FIRST, WATCHED_FOR = timedelta(days=1), timedelta(days=32)
"""When a card refund that is done is queried again, then after twice as long each time, and until when.

Its bank may return it for 30 days. https://docs.stripe.com/refunds#failed-refunds
"""


@dataclass(frozen=True, slots=True)
class PayoutRefused:
    """A payer has not paid the buyer, and never will under this id; `is_ours` if we have to correct something."""

    detail: str
    is_ours: bool


RefundAnswer = Refunded | NotRefunded | RefundPending | PayoutRefused


def pause_name(provider: str) -> str:
    """The name under which refunds by a provider are paused, while buyers may still pay it."""
    return f"refunds:{provider}"


# -- applying what a provider says


def apply(shop: Shop, refund: Refund, answer: RefundAnswer, *, queried: bool) -> None:
    """Move the refund, which is locked, by an answer to our own request; `queried` if it answers a query."""
    is_open = refund.status in refunds.IN_FLIGHT
    match answer:
        case Refunded(reference=reference) if refund.status in refunds.OPEN:
            _settle_done(shop, refund, reference)
        case RefundPending(names=names) if is_open and names:
            refund.provider_id = names[0]
        case PayoutRefused() if is_open:
            _settle_refused_payout(shop, refund, answer)
        case NotRefunded() if is_open:
            _settle_not_refunded(shop, refund, answer, queried=queried)
        case NotRefunded(reason=NotRefundedReason.NOT_POSSIBLE | NotRefundedReason.NO_FLOAT) if may_come_back(refund):
            log.error("refund %s has come back: %s", refund.id, answer.detail)
            refunds.come_back(shop, refund.id, answer.detail)
        case _:
            log.info("refund %s is %s; the answer changes nothing", refund.id, refund.status)


def may_come_back(refund: Refund) -> bool:
    """True if a card's bank may still return a refund that is done, so that its collector has the money again."""
    return refund.status == "done" and refund.payment.method == "card" and refund.provider == refund.payment.collector


def _settle_done(shop: Shop, refund: Refund, reference: str) -> None:
    """Settle the refund, unless the provider has used the reference for another one: an operator must decide."""
    source = ledger.provider_account(refund.provider or "") if refund.payer_ids else None
    try:
        with shop.session.begin_nested():
            if refund.status == "failed":
                refunds.retry(shop, refund.id)
            if refund.status == "due":  # it was said before that it was not given back
                refunds.begin_sending(shop, refund.id, refund.provider or refund.payment.collector)
            refunds.settle_done(shop, refund.id, reference, source)
    except Refused:
        log.exception("refund %s is reported done as %s, like another refund", refund.id, reference)
        if refund.status == "sending":
            refunds.mark_unknown(shop, refund.id)
        refund.failure = f"said to be done as {reference}, like another refund"


def _settle_not_refunded(shop: Shop, refund: Refund, answer: NotRefunded, *, queried: bool) -> None:
    match answer.reason:
        case NotRefundedReason.NOT_POSSIBLE if refund.payment.method == "mpesa":
            refunds.give_back_by_payer(shop, refund.id)
        case NotRefundedReason.NOT_POSSIBLE:
            refunds.settle_failed(shop, refund.id, answer.detail)
        case NotRefundedReason.ALREADY:
            if refund.status == "sending":
                refunds.mark_unknown(shop, refund.id)
        case NotRefundedReason.NOT_FOUND:
            refunds.put_back(shop, refund.id)
        case NotRefundedReason.MISCONFIGURED if queried:
            pause(shop, pause_name(refund.provider or ""), answer.detail)  # the query was refused, not the refund
        case NotRefundedReason.MISCONFIGURED | NotRefundedReason.NO_FLOAT:
            pause(shop, pause_name(refund.provider or ""), answer.detail)
            refunds.put_back(shop, refund.id)


def _settle_refused_payout(shop: Shop, refund: Refund, answer: PayoutRefused) -> None:
    """The next payout has another id. If the fault is ours, refunds wait until it is corrected."""
    if answer.is_ours:
        pause(shop, pause_name(refund.provider or ""), answer.detail)
        refunds.give_back_by_payer(shop, refund.id)
    else:
        refunds.settle_failed(shop, refund.id, answer.detail)
        refund.payer_ids += 1


def _meaning(refund: Refund, answer: RefundAnswer | PaymentStatus | Pending) -> RefundAnswer | None:
    if isinstance(answer, Paid | NotPaid | NotFound | Pending):
        return of_payment(refund, answer)
    return answer


def of_payment(refund: Refund, status: PaymentStatus | Pending) -> RefundAnswer | None:
    """What a payer's answer about the payout of a refund means; None if it paid another amount or phone."""
    match status:
        case Paid(amount=amount, msisdn=msisdn) if (amount or refund.amount, msisdn or refund.payment.msisdn) != (
            refund.amount,
            refund.payment.msisdn,
        ):
            log.error(
                "refund %s is reported paid with %s, not %s, or to another phone", refund.id, amount, refund.amount
            )
            refund.failure = f"said to be paid with {amount}, or to another phone"
            return None
        case Paid(reference=reference):
            return Refunded(reference)
        case NotPaid(detail=detail, fault=fault):
            return PayoutRefused(detail, is_ours=fault == "us")
        case NotFound():
            return NotRefunded(NotRefundedReason.NOT_FOUND, "the payer has no such payout")
        case Pending(names=names):
            return RefundPending(names)


# -- the job


@dataclass(frozen=True, slots=True)
class ByCollector:
    """The collector of its payment gives a refund back."""

    collector: Collector

    @property
    def name(self) -> str:
        return self.collector.name

    def send(self, request: RefundRequest) -> RefundAnswer | PaymentStatus | Pending:
        send = self.collector.query_refund if request.queries else self.collector.refund
        return send(request.refunding)


@dataclass(frozen=True, slots=True)
class ByPayer:
    """A payout to the paying phone gives a refund back."""

    payer: Payer

    @property
    def name(self) -> str:
        return self.payer.name

    def send(self, request: RefundRequest) -> RefundAnswer | PaymentStatus | Pending:
        send = self.payer.query if request.queries else self.payer.pay
        return send(request.payout)


Route = ByCollector | ByPayer


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A request to give a refund back, or a query about it if `queries`, in the words of collectors and of payers."""

    route: Route
    refunding: Refunding
    payout: Payment
    queries: bool


@dataclass(frozen=True, slots=True)
class RefundJob:
    """Handles the jobs of kind `refund`: asks the collectors or the payer, and applies their answers."""

    own_shop: OwnShop
    collectors: Collectors
    payer: Payer | None
    """None if nobody pays out for us: then what a collector cannot give back waits for an operator."""

    def run(self, job: Job) -> None:
        """Send one request, after committing that it will be sent."""
        request = self._prepare(job)
        if request is None:
            return
        try:
            answer = request.route.send(request)
        except PaymentError as error:
            self._apply_error(job, request, error)
        else:
            self._apply_answer(job, request, answer)

    def _prepare(self, job: Job) -> RefundRequest | None:
        """The request to send; None if there is none now, and then the job is finished or runs later."""
        with self.own_shop.writing() as shop:
            refund = refunds.lock(shop, job.payload["id"])
            route = self._route(refund)
            if refund.status == "due":
                return self._prepare_sending(shop, job, refund, route)
            if refund.status == "sending":
                # no callback came in time, or the worker that sent the request died before the answer
                refunds.mark_unknown(shop, refund.id)
            if refund.status != "unknown" and not _is_watched(shop, job, refund):
                queueing.finish(shop, job)
            elif route is None or route.name != refund.provider:
                queueing.postpone(shop, job, POLLS.longest, f"only {refund.provider} can tell")
            else:
                return _request(refund, route, refunds.new_query_token(shop, refund), queries=True)
            return None

    def _prepare_sending(self, shop: Shop, job: Job, refund: Refund, route: Route | None) -> RefundRequest | None:
        provider = route.name if route else refund.payment.collector
        if refund.amount == 0:  # less than the smallest coin
            refunds.begin_sending(shop, refund.id, provider)
            refunds.settle_done(shop, refund.id, f"nothing for {refund.id}")
            queueing.finish(shop, job)
        elif refund.payment.collector == paying.OPERATOR:
            queueing.finish(shop, job)  # an operator received it, and gives it back
        elif route is None or paying.is_paused(shop, pause_name(provider)):
            queueing.postpone(shop, job, GAP_WHILE_PAUSED, f"{provider} is paused, or not set up")
        elif problem := _cannot_be_paid_out(refund) if isinstance(route, ByPayer) else None:
            refunds.begin_sending(shop, refund.id, provider)
            refunds.settle_failed(shop, refund.id, problem)
            queueing.finish(shop, job)
        else:
            refunds.begin_sending(shop, refund.id, provider)
            return _request(refund, route, refund.token or "", queries=False)
        return None

    def _route(self, refund: Refund) -> Route | None:
        if refund.payer_ids:
            return ByPayer(self.payer) if self.payer else None
        collector = self.collectors.get((refund.payment.collector, refund.payment.method))
        return ByCollector(collector) if collector else None

    def _apply_answer(self, job: Job, request: RefundRequest, answer: RefundAnswer | PaymentStatus | Pending) -> None:
        with self.own_shop.writing() as shop:
            refund = refunds.lock(shop, job.payload["id"])
            meant = _meaning(refund, answer)
            if meant is None and refund.status == "sending":
                refunds.mark_unknown(shop, refund.id)
            elif meant is not None:
                apply(shop, refund, meant, queried=request.queries)
            self._run_again(shop, job, refund, POLLS.gap(job.polls + 1), "in hand")

    def _apply_error(self, job: Job, request: RefundRequest, error: PaymentError) -> None:
        log.warning("a request about a refund failed", extra={"refund": job.payload["id"], "reason": error.detail})
        with self.own_shop.writing() as shop:
            refund = refunds.lock(shop, job.payload["id"])
            if not request.queries and refund.status == "sending":
                _apply_unsent(shop, refund, error)
            gap = POLLS.gap(job.polls + 1, requested=error.retry_after)
            if job.payload["hinted"] and may_come_back(refund):
                queueing.poll_again(shop, job, shop.now + gap, error.detail)  # the hint may not come again
            else:
                self._run_again(shop, job, refund, gap, error.detail)

    def _run_again(self, shop: Shop, job: Job, refund: Refund, gap: timedelta, reason: str) -> None:
        if refund.status in ("due", *refunds.IN_FLIGHT):
            queueing.poll_again(shop, job, shop.now + gap, reason)
        elif may_come_back(refund) and not job.payload["hinted"]:
            age = max(shop.now - (refund.done_at or shop.now), WATCHED_FIRST)
            queueing.poll_again(shop, job, shop.now + age, "its bank may return it")
        else:
            queueing.finish(shop, job)


def _is_watched(shop: Shop, job: Job, refund: Refund) -> bool:
    """True if the job queries a refund that is done, because it may have come back."""
    is_young = refund.done_at is not None and shop.now < refund.done_at + WATCHED_FOR
    return may_come_back(refund) and (is_young or job.payload["hinted"])


def _apply_unsent(shop: Shop, refund: Refund, error: PaymentError) -> None:
    """Move a refund whose request failed: the provider may have heard it, certainly has not, or refuses it."""
    if error.reason.outcome_unknown:
        refunds.mark_unknown(shop, refund.id)
    elif error.reason in (Reason.MISCONFIGURED, Reason.INSUFFICIENT_FUNDS):
        pause(shop, pause_name(refund.provider or ""), error.detail)
        refunds.put_back(shop, refund.id)
    elif error.reason.retryable:
        refunds.put_back(shop, refund.id)
    else:
        refunds.settle_failed(shop, refund.id, error.detail)


def _cannot_be_paid_out(refund: Refund) -> str | None:
    """Why no payout can give the refund back; None if one can. Then an operator gives it back by other means."""
    if refund.payment.msisdn is None:
        return "the paying phone is not known"
    return None if list(BY_PHONE.pieces(refund.amount)) == [refund.amount] else "the amount cannot be paid by phone"


def _request(refund: Refund, route: Route, token: str, *, queries: bool) -> RefundRequest:
    payment = refund.payment
    about = payment.order.code
    refunding = Refunding(
        id=refund.id,
        token=token,
        charge_id=payment.id,
        provider_id=payment.provider_id or "",
        reference=payment.reference,
        amount=refund.amount,
        currency=refund.currency,
        whole=refund.amount == payment.amount,
        about=about,
        msisdn=payment.msisdn,
    )
    payout = Payment(refund.payment_id_at_payer, payment.msisdn or "", refund.amount, refund.currency, about, token)
    return RefundRequest(route, refunding, payout, queries)
