"""Jobs that ask buyers to pay, one per payment until it is settled, and what a collector's answer does to a payment.

    event payment.created  ──> consumer ──> job "collection" ──> ask, then query, until the collector says the outcome
    time to pay is over    ──> close the request, query; what is still open lapses, and late money goes back whole

A request is committed before it is sent. After a lost answer a buyer is asked again only where the provider recognises
our id, so nobody is asked twice. `docs/payments.md` describes the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.marketplace.event_consumer import EventConsumer
from bot.payments import queueing
from bot.payments.queueing import OwnShop
from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    ChargeStatus,
    Collector,
    DisputeQuery,
    DisputeStatus,
    NotCaptured,
    NotCapturedReason,
    StillOpen,
)
from bot.providers.errors import PaymentError, Reason
from marketplace_api.actors import Actor
from marketplace_api.backoff import Backoff
from marketplace_api.models import BuyerPayment, Event
from marketplace_api.orders import paying
from marketplace_api.payments import buyer_payments
from marketplace_api.payments.buyer_payments import OTHER_AMOUNT
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from marketplace_api.statuses import BuyerPaymentMethod
from state.outbox import Job

log = logging.getLogger(__name__)

KIND, REFUND = "collection", "refund"
"""The kinds of jobs about payments of buyers and about refunds."""
ACTOR = Actor("job", "collections")
"""Who moves payments and refunds, for collectors too: what they report is applied by jobs and callbacks alike."""
CONSUMER = "collections"
"""The stored name of the consumer's cursor."""
POLLS = Backoff.doubling(timedelta(seconds=10), timedelta(hours=1))
"""The gaps between the requests about one payment: at most eleven in its first hour, then one an hour."""
GAP_WHILE_PAUSED = timedelta(seconds=30)
TRY_LATER_AFTER = timedelta(minutes=2)
"""After this the network asks the same phone for the same amount again."""
GAP_OF_DISPUTES = timedelta(hours=12)
LATE = timedelta(days=1)
"""How long after a payment has lapsed the collector is still queried about it."""


# -- starting


def consumer(own: OwnShop) -> EventConsumer[Event]:
    """The consumer that queues a job for each payment and refund, and queries those of ended orders soon."""

    def take(session: Session, event: Event) -> None:
        shop, conn = own.open_shop(session), session.connection()
        match event.type:
            case "payment.created":
                queueing.queue(conn, KIND, event.data["id"], event.id, shop.now)
            case "refund.due":
                queueing.queue(conn, REFUND, event.data["id"], event.id, shop.now)
            case "order.cancelled" | "order.expired":
                for payment_id in buyer_payments.ids_of_order(shop, event.data["id"]):
                    queueing.run_now(conn, KIND, payment_id, shop.now)

    return queueing.consumer(CONSUMER, own, take)


def query_soon(shop: Shop, payment: BuyerPayment, key: str) -> None:
    """Query the payment, which is locked, soon: by its job, or by another one if it has none, once for each `key`."""
    conn = shop.session.connection()
    if payment.status in buyer_payments.OPEN and queueing.has_job(conn, KIND, payment.id):
        queueing.run_now(conn, KIND, payment.id, shop.now)
    else:
        queueing.queue(conn, KIND, payment.id, f"{payment.id}:{key}", shop.now, hinted=True)


# -- applying what a collector says


def settle(shop: Shop, payment: BuyerPayment, captured: Captured) -> None:
    """Record that the buyer paid, unless it was another payment than was asked for. `paying.lock` has locked it."""
    if difference := difference_of(payment, captured):
        note_difference(shop, payment, difference)
        return
    try:
        paying.settle_locked(shop, payment, captured.reference, fee=captured.fee, name=captured.name)
    except Refused as refused:
        note_difference(shop, payment, f"{refused.reason}: {captured.reference}")


def difference_of(payment: BuyerPayment, captured: Captured) -> str | None:
    """What the collector says otherwise than we asked; None if nothing, or if it does not say it."""
    said, asked = (
        (captured.amount, captured.currency, captured.msisdn),
        (payment.amount, payment.currency, payment.msisdn),
    )
    names = ("amount", "currency", "phone")
    other = [name for name, a, b in zip(names, said, asked, strict=True) if a is not None and b is not None and a != b]
    if not other:
        return None
    return f"another {' and '.join(other)}: {captured.amount} {captured.currency}, receipt {captured.reference}"


def note_difference(shop: Shop, payment: BuyerPayment, difference: str) -> None:
    """Store that the collector reports another payment than we asked for. An operator must decide what it is."""
    log.error("payment %s is reported captured with %s", payment.id, difference)
    if payment.status == "asked":
        buyer_payments.mark_unknown(shop, payment.id)
    payment.failure, payment.detail = OTHER_AMOUNT, difference


def _settle_unpaid(shop: Shop, payment: BuyerPayment, answer: NotCaptured) -> None:
    """Record that the buyer was not charged and will not be."""
    if answer.reason is NotCapturedReason.MISCONFIGURED:
        pause(shop, payment.collector, answer.detail)
    if payment.status not in buyer_payments.OPEN:
        return
    if answer.reason is NotCapturedReason.EXPIRED:
        buyer_payments.lapse(shop, payment.id)
    else:
        buyer_payments.fail(shop, payment.id, answer.reason.value, answer.detail)


def pause(shop: Shop, collector: str, why: str) -> None:
    """Ask nobody by this collector, or let it give nothing back, until an operator has corrected something of ours."""
    log.error("%s is paused: %s", collector, why)
    paying.pause_collecting(shop, collector, why)


# -- the job


def by_name_and_method(collectors: Iterable[Collector]) -> Collectors:
    """The collectors as the jobs look them up."""
    return {(collector.name, collector.method): collector for collector in collectors}


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A request to ask the buyer; `again` if the collector may have heard it before, and knows it by our id.

    What such a request is refused with says nothing about the one before.
    """

    charge: Charge
    again: bool = False


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """A query, which also ends the request to pay if `closes`."""

    charge: Charge
    provider_id: str
    closes: bool


@dataclass(frozen=True, slots=True)
class DisputeRequest:
    """A query about a dispute of a captured charge."""

    provider_id: str


Collectors = Mapping[tuple[str, BuyerPaymentMethod], Collector]
"""The collectors by name and method: the simulator has one for each method."""
CollectorRequest = AskRequest | StatusRequest | DisputeRequest
Answer = Asked | ChargeStatus | DisputeStatus | None


@dataclass(frozen=True, slots=True)
class CollectionJob:
    """Handles the jobs of kind `collection`: sends requests to the collectors, and applies their answers."""

    own_shop: OwnShop
    collectors: Collectors

    def run(self, job: Job) -> None:
        """Send one request to the collector, after committing that it will be sent."""
        prepared = self._prepare(job)
        if prepared is None:
            return
        collector, request = prepared
        try:
            answer = _send(collector, request)
        except PaymentError as error:
            self._apply_error(job, collector, request, error)
        else:
            self._apply(job, collector, request, answer)

    def _prepare(self, job: Job) -> tuple[Collector, CollectorRequest] | None:
        """The request to send; None if there is none now, and then the job is finished or runs later."""
        with self.own_shop.writing() as shop:
            payment = buyer_payments.without_parts(shop, job.payload["id"])
            if payment.provider_id is None:  # what is asked first is recorded; a query changes nothing
                payment = buyer_payments.lock(shop, payment.id)
            collector = self.collectors.get((payment.collector, payment.method))
            is_over = _is_over(shop, payment)
            if payment.status == "created" and is_over:
                buyer_payments.lapse(shop, payment.id)
            request = _request(shop, payment, collector, is_over) if collector else None
            if collector and request:
                return collector, request
            self._run_later(shop, job, collector, payment)
            return None

    def _run_later(self, shop: Shop, job: Job, collector: Collector | None, payment: BuyerPayment) -> None:
        """Run the job again when there may be something to ask; finish it if there never will be."""
        if payment.status == "created" or (collector is None and payment.status in buyer_payments.OPEN):
            queueing.postpone(shop, job, GAP_WHILE_PAUSED, f"{payment.collector} is paused, or not set up")
        elif payment.status in buyer_payments.OPEN and payment.failure != OTHER_AMOUNT:
            queueing.poll_again(shop, job, payment.expires_at, "its callback may come")
        else:
            queueing.finish(shop, job)

    def _apply(self, job: Job, collector: Collector, request: CollectorRequest, answer: Answer) -> None:
        with self.own_shop.writing() as shop:
            payment_id = job.payload["id"]
            if answer in ("open", "won", "lost"):
                _settle_dispute(shop, buyer_payments.by_id(shop, payment_id), answer)
            # to settle it, the locks of artisans come before that of the order
            lock = paying.lock if isinstance(answer, Captured) else buyer_payments.lock
            payment = lock(shop, payment_id)
            match answer:
                case Asked(provider_id=provider_id, url=url) if payment.provider_id is None:
                    buyer_payments.set_asked(shop, payment.id, provider_id, url)
                case Captured():
                    settle(shop, payment, answer)
                case NotCaptured(reason=NotCapturedReason.MISCONFIGURED) if not _is_first(request):
                    pause(shop, payment.collector, answer.detail)  # this request was refused, not the payment
                case NotCaptured(reason=NotCapturedReason.TRY_LATER) if payment.status in buyer_payments.MAY_HAVE_PAID:
                    payment.provider_id = None
                    buyer_payments.put_back(shop, payment.id)
                    self._poll_again(shop, job, collector, payment, TRY_LATER_AFTER, answer.detail)
                    return
                case NotCaptured():
                    _settle_unpaid(shop, payment, answer)
                    queueing.finish(shop, job)
                    return
                case StillOpen() if isinstance(request, StatusRequest) and request.closes:
                    if payment.status in buyer_payments.OPEN:
                        buyer_payments.lapse(shop, payment.id)
            self._poll_again(shop, job, collector, payment, POLLS.gap(job.polls + 1), "in hand")

    def _apply_error(self, job: Job, collector: Collector, request: CollectorRequest, error: PaymentError) -> None:
        log.warning("a request about a payment failed", extra={"payment": job.payload["id"], "reason": error.detail})
        with self.own_shop.writing() as shop:
            payment = buyer_payments.lock(shop, job.payload["id"])
            if _is_first(request) and payment.status == "asked" and payment.provider_id is None:
                _apply_unasked(shop, payment, collector, error)
            elif isinstance(request, AskRequest) and error.reason is Reason.MISCONFIGURED:
                pause(shop, payment.collector, error.detail)
            gap = POLLS.gap(job.polls + 1, requested=error.retry_after)
            is_settled = payment.status not in buyer_payments.OPEN
            if job.payload["hinted"] and is_settled and payment.failure != OTHER_AMOUNT:
                # the hint may not come again, and it may tell of money that nobody has booked, or of a dispute
                queueing.poll_again(shop, job, shop.now + gap, error.detail)
            else:
                self._poll_again(shop, job, collector, payment, gap, error.detail)

    def _poll_again(
        self, shop: Shop, job: Job, collector: Collector, payment: BuyerPayment, gap: timedelta, reason: str
    ) -> None:
        """Run the job again after the gap, or when the time to pay is over; finish it if nothing can follow."""
        due_at = shop.now + gap
        if payment.status in buyer_payments.OPEN and payment.failure != OTHER_AMOUNT:
            queueing.poll_again(shop, job, _not_beyond(payment.expires_at, shop.now, due_at), reason)
        elif payment.status == "lapsed" and _may_come_late(shop, job, collector, payment):
            queueing.poll_again(shop, job, due_at, reason)
        elif payment.status == "disputed":
            queueing.poll_again(shop, job, shop.now + GAP_OF_DISPUTES, "disputed")
        else:
            queueing.finish(shop, job)


def _is_first(request: CollectorRequest) -> bool:
    """True for the first request to ask the buyer: if it is refused, the buyer was certainly not asked."""
    return isinstance(request, AskRequest) and not request.again


def _send(collector: Collector, request: CollectorRequest) -> Answer:
    """Raises PaymentError."""
    match request:
        case AskRequest(charge):
            return collector.ask(charge)
        case StatusRequest(charge, provider_id, closes):
            return collector.close(charge, provider_id) if closes else collector.query(charge, provider_id)
        case DisputeRequest(provider_id):
            return collector.dispute(provider_id) if isinstance(collector, DisputeQuery) else None


def _request(shop: Shop, payment: BuyerPayment, collector: Collector, is_over: bool) -> CollectorRequest | None:
    """What the collector is asked now; None if nothing. A payment that is asked for is recorded as asked first."""
    charge = charge_of(payment)
    match payment.status:
        case "created":
            if paying.is_paused(shop, collector.name):
                return None
            buyer_payments.begin_asking(shop, payment.id)
            return AskRequest(charge)
        case "asked" | "unknown" | "lapsed" | "failed" if payment.failure == OTHER_AMOUNT:
            return None
        case "asked" | "unknown" | "lapsed" | "failed" if payment.provider_id:
            return StatusRequest(charge, payment.provider_id, closes=is_over)
        case "asked" | "unknown" | "lapsed":
            return _request_unheard(shop, payment, collector, charge, is_over)
        case "captured" | "disputed" if payment.provider_id and isinstance(collector, DisputeQuery):
            return DisputeRequest(payment.provider_id)
    return None


def _request_unheard(
    shop: Shop, payment: BuyerPayment, collector: Collector, charge: Charge, is_over: bool
) -> CollectorRequest | None:
    """What follows when nobody knows whether the collector has heard the request: its answer was lost."""
    if payment.status == "asked" and collector.asks_once:
        buyer_payments.mark_unknown(shop, payment.id)
    if payment.status in buyer_payments.OPEN and is_over:
        buyer_payments.lapse(shop, payment.id)
    if collector.asks_once:
        return None  # the callback, which names the request, may still come
    return AskRequest(charge, again=True) if shop.now < payment.expires_at + LATE else None


def _apply_unasked(shop: Shop, payment: BuyerPayment, collector: Collector, error: PaymentError) -> None:
    """Move a payment whose request failed: the collector may have heard it, certainly has not, or refuses it."""
    if error.reason.outcome_unknown:
        if collector.asks_once:
            buyer_payments.mark_unknown(shop, payment.id)
    elif error.reason.retryable:
        buyer_payments.put_back(shop, payment.id)
    elif error.reason is Reason.MISCONFIGURED:
        _settle_unpaid(shop, payment, NotCaptured(NotCapturedReason.MISCONFIGURED, error.detail))
    else:
        _settle_unpaid(shop, payment, NotCaptured(NotCapturedReason.DECLINED, error.detail))


def _settle_dispute(shop: Shop, payment: BuyerPayment, dispute: DisputeStatus) -> None:
    """Move the payment to what the collector says about its dispute. A won one may have been won before."""
    if payment.status == "captured" and dispute != "won":
        paying.dispute(shop, payment.id)
    if payment.status == "disputed" and dispute != "open":
        paying.end_dispute(shop, payment.id, won=dispute == "won")


def _is_over(shop: Shop, payment: BuyerPayment) -> bool:
    """True if the buyer should not pay any more: the time is over, or the order does not wait for money."""
    return shop.now >= payment.expires_at or payment.order.status != "unpaid"


def _may_come_late(shop: Shop, job: Job, collector: Collector, payment: BuyerPayment) -> bool:
    can_ask = payment.provider_id is not None or not collector.asks_once
    return can_ask and not job.payload["hinted"] and shop.now < payment.expires_at + LATE


def _not_beyond(end: datetime, now: datetime, due_at: datetime) -> datetime:
    return min(due_at, end) if now < end else due_at


def charge_of(payment: BuyerPayment) -> Charge:
    """What a collector is asked about this payment."""
    return Charge(
        payment.id,
        payment.token,
        payment.amount,
        payment.currency,
        payment.order.code,
        payment.expires_at,
        payment.msisdn,
        payment.return_url,
    )
