"""Payout jobs, one per payout until it is settled, and the handling of provider callbacks.

    event payout.created  ──> consumer ──> job "payout" ──> poll: pay, later query, until it is settled
    callback to the address that a request of ours named  ──> PayoutCallbacks ──> settled, or queried at the next poll
    callback to an address that others may know           ──> PayoutCallbacks ──> polled sooner

An accepted request is not a payment, and a lost answer is not a failure: after either, the payout is polled again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from bot.payments import queueing
from bot.payments.queueing import OwnShop
from bot.providers.errors import DuplicatePaymentError, PaymentError
from bot.providers.payment_contracts import (
    NotFound,
    NotPaid,
    Paid,
    Payer,
    Payment,
    PaymentCallback,
    PaymentStatus,
    Pending,
)
from bot.runtime.clock import Clock
from bot.runtime.settings import NO_PAYER
from marketplace_api.actors import Actor
from marketplace_api.backoff import Backoff
from marketplace_api.models import Event, Payout
from marketplace_api.payments import buyer_payments, pausing, payout_methods, payouts, provider_names, settlement
from marketplace_api.payments.provider_names import Answered, RequestKind
from marketplace_api.refused import Refused
from marketplace_api.shop import Ids, Shop, Terms
from state import budgets, outbox
from state.budgets import Use
from state.outbox import Job

log = logging.getLogger(__name__)

KIND = "payout"
ACTOR = Actor("job", "payouts")
"""Who moves payouts, for providers too: what they report is applied by the job and by callbacks alike."""
CONSUMER = "payouts"
"""The stored name of the consumer's cursor."""
POLLS = Backoff.doubling(timedelta(seconds=30), timedelta(hours=1))
"""The gaps between the requests of one payout, whether they pay or query and whatever the provider answers."""
GAP_WHILE_PAUSED = timedelta(minutes=1)
GAP_WHILE_DISPUTED = timedelta(hours=1)
TOMORROW = timedelta(days=1)
_TO_POLL = ("payout.created", "payout.retried", "payout.released")


# -- starting


def consumer(own: OwnShop) -> EventConsumer[Event]:
    """The consumer that queues a job for each payout by mobile money when the shop's events report it as due."""

    def take(session: Session, event: Event) -> None:
        if event.type in _TO_POLL and event.data["status"] in ("pending", "unknown"):
            queue_poll(session.connection(), event.data["id"], event.id, own.open_shop(session).now)

    return queueing.consumer(CONSUMER, own, take)


def queue_poll(conn: Connection, payout_id: str, key: str, now: datetime) -> None:
    """Queue a poll of the payout, due now, once for each `key`. Polls of one payout run one after another."""
    ordering_key = _ordering_key(payout_id)
    outbox.run_now(conn, ordering_key, due_at=now)
    payload = {"payout": payout_id}
    outbox.add(conn, kind=KIND, payload=payload, key=f"{KIND}:{key}", ordering_key=ordering_key, due_at=now, now=now)


def _ordering_key(payout_id: str) -> str:
    return f"{KIND}:{payout_id}"


def _queue_retry_tomorrow(conn: Connection, payout: Payout, now: datetime) -> None:
    """Queue another send of the failed payout in a day. A job that is due much later has no ordering key."""
    payload = {"payout": payout.id, "failed_at_send": payout.sends}
    key = f"{KIND}:{payout.id}:{payout.sends}:tomorrow"
    outbox.add(conn, kind=KIND, payload=payload, key=key, ordering_key=None, due_at=now + TOMORROW, now=now)


# -- callbacks of providers


@dataclass(frozen=True, slots=True)
class PayoutCallbacks:
    """Applies the payment statuses that providers report to the payouts."""

    database: Database
    clock: Clock
    ids: Ids
    terms: Terms

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        """The shop for one transaction."""
        with self.database.writing.begin() as session:
            yield Shop(session, self.clock(), self.ids, self.terms, ACTOR)

    def on_result(self, provider: str, token: str, callback: PaymentCallback) -> None:
        """Handle what was posted to an address with a token: if a request of ours named it, the answer to that request.

        It may come early, late or twice.
        """
        with self.shop() as shop:
            paid = isinstance(callback.if_payment, Paid)
            match provider_names.find_by_token(shop, token, callback.names):
                case None:
                    self._query_soon(shop, provider, callback.names)
                case Answered(payout, "payment") if callback.if_payment is not None:
                    self.apply(shop, payout, callback.if_payment, queried=False)
                case Answered(payout, "payment") if payout.status == "sending":
                    settlement.mark_unknown(shop, payout.id)
                case Answered(payout, "question") if callback.if_query is not None:
                    self.apply(shop, payout, callback.if_query, queried=True)
                case Answered(payout, "earlier_payment") if paid and payout.status in payouts.IN_FLIGHT:
                    self._query_soon(shop, provider, [payout.payment_id])
                case Answered(payout, "earlier_payment") if callback.if_payment is not None and paid:
                    self.apply(shop, payout, callback.if_payment, queried=False)
                case Answered(payout, "spent") if isinstance(callback.if_payment, Paid):
                    self._pause_since_paid_twice(shop, payout, callback.if_payment.reference)
                case Answered(payout, "other"):
                    log.error("%s names another payout where it should answer about %s", provider, payout.id)
                case Answered(payout):
                    log.info("a callback about payout %s changes nothing", payout.id)

    def on_hint(self, provider: str, names: Sequence[str]) -> None:
        """Query the payment with one of these names soon: something was posted about it to an address known to others.

        It settles nothing, whatever it said.
        """
        with self.shop() as shop:
            self._query_soon(shop, provider, names)

    def _query_soon(self, shop: Shop, provider: str, names: Sequence[str]) -> None:
        """Let the next poll of the payout with one of these names be now, once for each gap between polls.

        A gap is as long as the payout has been under way, so strangers cause at most as many polls as there are anyway.
        """
        payout = provider_names.find_by_name(shop, names)
        if payout is None:
            log.warning("%s reports an unknown payment: %s", provider, names)
        elif payout.status in payouts.IN_FLIGHT and payout.sent_at:
            conn, age = shop.session.connection(), shop.now - payout.sent_at
            gap = min(max(age, POLLS.shortest), POLLS.longest)
            use = Use(f"hint:{payout.id}", 1, gap.total_seconds())
            if budgets.spend(conn, use, shop.now.timestamp()).total == 1:
                outbox.run_now(conn, _ordering_key(payout.id), due_at=shop.now)

    def apply(self, shop: Shop, payout: Payout, status: PaymentStatus, *, queried: bool) -> None:
        """Move the payout by a reported payment status; `queried` is True if the status answers our query."""
        by_phone = payout.method == "mobile_money"
        match status:
            case Paid(amount=amount) if amount != payout.amount:
                self._doubt(shop, payout, f"said to be paid with {amount}, not {payout.amount}")
            case Paid(msisdn=msisdn) if msisdn not in (None, payout.msisdn):
                self._doubt(shop, payout, "said to be paid to another phone")
            case Paid(reference=reference) if payout.status in payouts.IN_FLIGHT:
                self._settle_paid(shop, payout, reference)
            case Paid() if payout.status in payouts.WAITING and payout.sends:
                log.error("payout %s is reported paid after it was reported not paid", payout.id)
                settlement.recheck(shop, payout.id)
                queue_poll(shop.session.connection(), payout.id, f"{payout.id}:{payout.sends}", shop.now)
            case Paid(reference=reference) if payouts.was_paid_by_hand(payout) and payout.sends:
                self._pause_since_paid_twice(shop, payout, reference)
            case Paid(reference=reference) if payout.status in payouts.ENDED_UNPAID and payout.sends:
                if reference != payout.provider_reference:  # else this is the payment that came back
                    self._pause_since_paid_twice(shop, payout, reference)
            case NotPaid() | NotFound() if payout.status == "unknown" and queried and not by_phone:
                payout_methods.offer_cash(shop, payout.id)
            case NotPaid() if payout.status == "unknown" and queried and payout.retried:
                settlement.resend_under_new_id(shop, payout.id)
            case NotPaid() if payout.status in payouts.IN_FLIGHT and by_phone:
                settlement.settle_failed(shop, payout.id, status.detail, status.fault)
                if status.try_tomorrow:
                    _queue_retry_tomorrow(shop.session.connection(), payout, shop.now)
            case NotFound() if payout.status == "unknown":
                settlement.release(shop, payout.id)
            case _:
                log.info("payout %s is %s; the reported status changes nothing", payout.id, payout.status)

    def _settle_paid(self, shop: Shop, payout: Payout, reference: str) -> None:
        """Settle the payout, unless the provider has used the reference for another one: an operator must decide."""
        try:
            with shop.session.begin_nested():
                settlement.settle_paid(shop, payout.id, reference)
        except Refused:
            log.exception("payout %s is reported paid as %s, like another payout", payout.id, reference)
            if payout.status == "sending":
                settlement.mark_unknown(shop, payout.id)
            payout.failure = f"said to be paid as {reference}, like another payout"

    def _pause_since_paid_twice(self, shop: Shop, payout: Payout, reference: str) -> None:
        """Pause all payouts: the provider reports a payment as paid that it had reported as not paid."""
        log.error("payout %s may be paid twice: %s is reported as a payment of it too", payout.id, reference)
        pausing.pause(shop, f"{payout.code} may be paid twice, the second time as {reference}")

    def _doubt(self, shop: Shop, payout: Payout, why: str) -> None:
        """Store that the provider reports another payment than was requested. An operator must decide what it is."""
        log.error("payout %s is %s", payout.id, why)
        if payout.status in payouts.IN_FLIGHT:
            payout.failure = why
        if payout.status == "sending":
            settlement.mark_unknown(shop, payout.id)


# -- the job


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A request to the provider: to pay if `pays`, otherwise for the status of the payment."""

    payment: Payment
    pays: bool


@dataclass(frozen=True, slots=True)
class PayoutJob:
    """Handles the jobs of kind `payout`: sends requests to `payer`, and applies its answers.

    Without a payer, payouts wait: until an operator announces them as paid elsewhere, or until there is one.
    """

    payout_callbacks: PayoutCallbacks
    payer: Payer | None

    def poll(self, job: Job) -> None:
        """Send one request to the provider, after committing that it will be sent."""
        payer = self.payer
        request = self._prepare(job, payer.name if payer else NO_PAYER)
        if request is None or payer is None:
            return
        try:
            answer = payer.pay(request.payment) if request.pays else payer.query(request.payment)
        except PaymentError as error:
            self._apply_error(job, request, error)
        else:
            self._apply_answer(job, request, answer)

    def _prepare(self, job: Job, payer: str) -> ProviderRequest | None:
        """The request to send; None if the payout is settled, payouts are paused, or another provider is paying it."""
        with self.payout_callbacks.shop() as shop:
            payout = payouts.lock(shop, job.payload["payout"])
            if "failed_at_send" in job.payload:
                self._retry(shop, job, payout)
                return None
            if payout.status in payouts.IN_FLIGHT and payout.provider != payer:
                self._postpone(shop, job, POLLS.longest, f"only {payout.provider} can tell")
                return None
            if payout.status == "pending" and payer == NO_PAYER:
                self._postpone(shop, job, POLLS.longest, "nobody pays")
                return None
            if payout.status == "pending":
                if pausing.current_pause(shop):
                    self._postpone(shop, job, GAP_WHILE_PAUSED, "paused")
                    return None
                if _is_disputed(shop, payout):
                    self._postpone(shop, job, GAP_WHILE_DISPUTED, "the buyer disputes the payment")
                    return None
                settlement.begin_sending(shop, payout.id, payer)
                return _request(shop, payout, "payment")
            if payout.status == "sending":
                # no callback came in time, or the worker that sent the request died before the answer
                settlement.mark_unknown(shop, payout.id)
            if payout.status == "unknown":
                return _request(shop, payout, "question")
            self._finish(shop, job)  # settled, or held: its release queues another job
            return None

    def _retry(self, shop: Shop, job: Job, payout: Payout) -> None:
        """Send the payout again, unless its status has changed or it was sent again meanwhile."""
        if payout.status == "failed" and payout.sends == job.payload["failed_at_send"]:
            settlement.retry(shop, payout.id)
        self._finish(shop, job)

    def _apply_answer(self, job: Job, request: ProviderRequest, answer: PaymentStatus | Pending) -> None:
        with self.payout_callbacks.shop() as shop:
            payout = payouts.lock(shop, job.payload["payout"])
            if isinstance(answer, Pending):
                provider_names.remember_names(shop, payout, answer.names, "payment" if request.pays else "question")
                if request.pays:
                    payout.retried = False  # accepted as a new request: later reports are about this one
            else:
                self.payout_callbacks.apply(shop, payout, answer, queried=not request.pays)
            self._poll_again(shop, job, payout, POLLS.gap(job.polls + 1), "in hand")

    def _apply_error(self, job: Job, request: ProviderRequest, error: PaymentError) -> None:
        log.warning("a request about a payout failed", extra={"payout": job.payload["payout"], "reason": error.detail})
        with self.payout_callbacks.shop() as shop:
            payout = payouts.lock(shop, job.payload["payout"])
            if request.pays and payout.status == "sending":
                move = settlement.mark_unknown if error.reason.outcome_unknown else settlement.release
                move(shop, payout.id)
            if request.pays and isinstance(error, DuplicatePaymentError):
                gap = POLLS.shortest  # the provider has the payment and may tell its status
            else:
                gap = POLLS.gap(job.polls + 1, requested=error.retry_after)
            self._poll_again(shop, job, payout, gap, error.detail)

    def _poll_again(self, shop: Shop, job: Job, payout: Payout, gap: timedelta, reason: str) -> None:
        """Send the next request after the gap, unless the payout is settled."""
        if payout.status in ("pending", *payouts.IN_FLIGHT):
            outbox.poll_again(shop.session.connection(), job, due_at=shop.now + gap, error=reason)
        else:
            self._finish(shop, job)

    def _postpone(self, shop: Shop, job: Job, after: timedelta, reason: str) -> None:
        outbox.postpone(shop.session.connection(), job, due_at=shop.now + after, error=reason)

    def _finish(self, shop: Shop, job: Job) -> None:
        outbox.finish(shop.session.connection(), job, now=shop.now)


def _is_disputed(shop: Shop, payout: Payout) -> bool:
    """True while the buyer disputes the payment of the payout's order, unless an operator has released it."""
    return (
        payout.order_id is not None and payout.released_at is None and buyer_payments.is_disputed(shop, payout.order_id)
    )


def _request(shop: Shop, payout: Payout, kind: RequestKind) -> ProviderRequest:
    """A request about the payout, whose answer is expected at an address of its own."""
    token = provider_names.new_token(shop, payout, kind)
    payment = Payment(payout.payment_id, payout.msisdn or "", payout.amount, payout.currency, payout.about, token)
    return ProviderRequest(payment, pays=kind == "payment")
