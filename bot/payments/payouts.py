"""Money out: one job a payout, which lives until the payout is settled, and the cashier who hears the providers.

A look at a payout asks its provider to pay it, or what became of it. Between two looks a callback may settle it. That
a request was accepted is no payment, and a lost answer no failure: both only mean that there will be another look.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.db.unit_of_work import Database
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
from marketplace_api.models import Payout
from marketplace_api.payments import payouts
from marketplace_api.shop import Ids, Shop, Terms
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)

KIND = "payout"
SOONEST, LATEST = timedelta(seconds=30), timedelta(hours=1)
"""The next look comes after as long as the payout has been under way already: 30 s, 30 s, 1 min, 2 min, 4 min …"""
WHILE_PAUSED = timedelta(minutes=1)
TOMORROW = timedelta(days=1)


def due(conn: Connection, payout_id: str, key: str, now: datetime) -> None:
    """Have the payout looked at now. Looks at one payout come one after another."""
    ordering_key = f"{KIND}:{payout_id}"
    outbox.run_now(conn, ordering_key, due_at=now)
    payload = {"payout": payout_id}
    outbox.add(conn, kind=KIND, payload=payload, key=f"{KIND}:{key}", ordering_key=ordering_key, due_at=now, now=now)


def _due_tomorrow(conn: Connection, payout: Payout, now: datetime) -> None:
    """Have the failed payout tried again. A job that is due much later has no ordering key."""
    payload = {"payout": payout.id, "failed_at_send": payout.sends}
    key = f"{KIND}:{payout.id}:{payout.sends}:tomorrow"
    outbox.add(conn, kind=KIND, payload=payload, key=key, ordering_key=None, due_at=now + TOMORROW, now=now)


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """What is to be asked of the provider: to pay, or what became of it."""

    payment: Payment
    pays: bool


@dataclass(frozen=True, slots=True)
class PayoutCallbacks:
    """Hears what providers say of payments, and decides what that means."""

    database: Database
    clock: Clock
    ids: Ids
    terms: Terms

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        """The shop for one transaction."""
        with self.database.writing.begin() as session:
            yield Shop(session, self.clock(), self.ids, self.terms)

    def heard(self, provider: str, report: PaymentCallback) -> None:
        """A provider's word on a payment, early, late, twice, or about nothing of ours."""
        with self.shop() as shop:
            known = payouts.find_by_name(shop, report.names)
            match known:
                case None:
                    log.warning("%s speaks of a payment we do not know: %s", provider, report.names)
                case payouts.NamedPayout(payout, "payment") if report.word is not None:
                    self.take(shop, payout, report.word, answered=report.answer is not None)
                case payouts.NamedPayout(payout, "payment") if payout.status == "sending":
                    payouts.mark_unknown(shop, payout.id)
                case payouts.NamedPayout(payout, "question") if report.answer is not None:
                    self.take(shop, payout, report.answer, answered=True)
                case payouts.NamedPayout(payout, "spent") if isinstance(report.word, Paid):
                    self._paid_twice(shop, payout, report.word.reference)
                case payouts.NamedPayout(payout):
                    log.info("what is said of payout %s decides nothing", payout.id)

    def late(self, provider: str, name: str) -> None:
        """The provider could not handle a payment in time; how it ends is open."""
        with self.shop() as shop:
            known = payouts.find_by_name(shop, [name])
            if known is None:
                log.warning("%s speaks of a payment we do not know: %s", provider, name)
            elif known.meaning == "payment" and known.payout.status == "sending":
                payouts.mark_unknown(shop, known.payout.id)

    def take(self, shop: Shop, payout: Payout, word: PaymentStatus, *, answered: bool) -> None:
        """What the word means for the payout as it stands now; `answered` if we asked for it."""
        by_phone = payout.method == "mobile_money"
        match word:
            case Paid(amount=amount) if amount != payout.amount:
                self._does_not_match(shop, payout, amount)
            case Paid(reference=reference) if payout.status in payouts.IN_FLIGHT:
                payouts.settle_paid(shop, payout.id, reference)
            case Paid() if payout.status in payouts.WAITING and payout.sends:
                log.error("payout %s is said to be paid after it was said not to be", payout.id)
                payouts.recheck(shop, payout.id)
                due(shop.session.connection(), payout.id, f"{payout.id}:{payout.sends}", shop.now)
            case Paid(reference=reference) if payouts.was_paid_by_hand(payout) and payout.sends:
                self._paid_twice(shop, payout, reference)
            case NotPaid() | NotFound() if payout.status == "unknown" and answered and not by_phone:
                payouts.offer_cash(shop, payout.id)
            case NotPaid() if payout.status == "unknown" and answered and payout.retried:
                payouts.resend_under_new_id(shop, payout.id)
            case NotPaid(reason=reason, blame=blame) if payout.status in payouts.IN_FLIGHT and by_phone:
                payouts.settle_failed(shop, payout.id, reason, blame)
                if word.tomorrow:
                    _due_tomorrow(shop.session.connection(), payout, shop.now)
            case NotFound() if payout.status == "unknown":
                payouts.release(shop, payout.id)
            case _:
                log.info("payout %s is %s, and nothing follows from what is said of it", payout.id, payout.status)

    def _paid_twice(self, shop: Shop, payout: Payout, reference: str) -> None:
        """The provider said no, was believed, and now says yes. Nothing is sent before somebody has looked at it."""
        log.error("payout %s may be paid twice: %s is said to be a payment of it too", payout.id, reference)
        payouts.pause(shop, f"{payout.code} may be paid twice, the second time as {reference}")

    def _does_not_match(self, shop: Shop, payout: Payout, amount: int | None) -> None:
        """Somebody has to look at it; until then it is neither paid nor paid again."""
        log.error("payout %s is said to be paid with %s, not %s", payout.id, amount, payout.amount)
        if payout.status in payouts.IN_FLIGHT:
            payout.failure = f"said to be paid with {amount}, not {payout.amount}"
        if payout.status == "sending":
            payouts.mark_unknown(shop, payout.id)


@dataclass(frozen=True, slots=True)
class PayoutJob:
    """A worker's hands for payouts."""

    payout_callbacks: PayoutCallbacks
    payer: Payer

    def look(self, job: Job) -> None:
        """One look. What is asked is committed as asked before anybody is asked it."""
        look = self._begun(job)
        if look is None:
            return
        try:
            said = self.payer.pay(look.payment) if look.pays else self.payer.ask(look.payment)
        except PaymentError as error:
            self._not_asked(job, look, error)
        else:
            self._asked(job, look, said)

    def _begun(self, job: Job) -> ProviderRequest | None:
        """None when there is nothing to ask now: it is settled, payouts are paused, or another provider was asked."""
        with self.payout_callbacks.shop() as shop:
            payout = payouts.lock(shop, job.payload["payout"])
            if "failed_at_send" in job.payload:
                self._retry(shop, job, payout)
                return None
            if payout.status in payouts.IN_FLIGHT and payout.provider != self.payer.name:
                self._again(shop, job, LATEST, f"only {payout.provider} can tell")
                return None
            if payout.status == "pending":
                if payouts.current_pause(shop):
                    self._again(shop, job, WHILE_PAUSED, "paused")
                    return None
                payouts.begin_sending(shop, payout.id, self.payer.name)
                return ProviderRequest(_payment(payout), pays=True)
            if payout.status == "sending":
                # its word is late, or whoever asked died before the answer
                payouts.mark_unknown(shop, payout.id)
            if payout.status == "unknown":
                return ProviderRequest(_payment(payout), pays=False)
            self._done(shop, job)
            return None

    def _retry(self, shop: Shop, job: Job, payout: Payout) -> None:
        """Unless somebody has done something about it since."""
        if payout.status == "failed" and payout.sends == job.payload["failed_at_send"]:
            payouts.retry(shop, payout.id)
        self._done(shop, job)

    def _asked(self, job: Job, look: ProviderRequest, said: PaymentStatus | Pending) -> None:
        with self.payout_callbacks.shop() as shop:
            payout = payouts.lock(shop, job.payload["payout"])
            if isinstance(said, Pending):
                payouts.remember_names(shop, payout, said.names, "payment" if look.pays else "question")
                if look.pays:
                    payout.retried = False  # it took this as a new request: what it says from now on is about this one
            else:
                self.payout_callbacks.take(shop, payout, said, answered=not look.pays)
            self._next(shop, job, payout, "in hand")

    def _not_asked(self, job: Job, look: ProviderRequest, error: PaymentError) -> None:
        log.warning(
            "a payout's provider gave no answer", extra={"payout": job.payload["payout"], "reason": error.detail}
        )
        with self.payout_callbacks.shop() as shop:
            payout = payouts.lock(shop, job.payload["payout"])
            if look.pays and payout.status == "sending":
                move = payouts.mark_unknown if error.reason.outcome_unknown else payouts.release
                move(shop, payout.id)
            if isinstance(error, DuplicatePaymentError):
                self._again(shop, job, timedelta(), error.detail)
            else:
                self._next(shop, job, payout, error.detail)

    def _next(self, shop: Shop, job: Job, payout: Payout, why: str) -> None:
        """Another look, later and later, until it is settled."""
        if payout.status in ("pending", *payouts.IN_FLIGHT):
            ago = shop.now - (payout.sent_at or shop.now)
            self._again(shop, job, min(max(ago, SOONEST), LATEST), why)
        else:
            self._done(shop, job)

    def _again(self, shop: Shop, job: Job, after: timedelta, why: str) -> None:
        outbox.postpone(shop.session.connection(), job, due_at=shop.now + after, error=why)

    def _done(self, shop: Shop, job: Job) -> None:
        outbox.finish(shop.session.connection(), job, now=shop.now)


def _payment(payout: Payout) -> Payment:
    return Payment(payout.payment_id, payout.msisdn or "", payout.amount, payout.currency, payout.about)
