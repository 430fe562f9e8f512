"""What leaves us: claims jobs under a lease, lets go of the database before the slow call, settles after it.

A text that may have left is not sent again blindly; a payout is asked for under one id for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.clock import Clock
from bot.market import Database
from bot.payouts import PayError, SimulatedPayouts
from bot.providers import OutgoingSms, Sender, SendError
from marketplace_api import payouts
from marketplace_api.models import Payout
from marketplace_api.refused import Refused
from marketplace_api.shop import Ids, Shop, Terms
from state import messages, outbox, people
from state.messages import Message
from state.outbox import Job

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
AT_ONCE = 32
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 3, 5, 7))
"""After each refusal that means *later*; after the last the text is given up, and operators see it."""
ANSWERS = frozenset({"reply"})
"""What a person asked for is answered even after STOP."""

Call = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Route:
    """Which provider carries texts to which numbers: the longest prefix decides."""

    senders: Mapping[str, Sender]
    prefixes: Mapping[str, str]
    otherwise: str

    def sender(self, msisdn: str) -> Sender:
        fitting = [prefix for prefix in self.prefixes if msisdn.startswith(prefix)]
        return self.senders[self.prefixes[max(fitting, key=len)] if fitting else self.otherwise]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One worker's hands. Any number of them share the outbox.

    `calls` are the kinds of job that are a single call with the payload.
    """

    database: Database
    clock: Clock
    ids: Ids
    terms: Terms
    route: Route
    payer: SimulatedPayouts
    calls: Mapping[str, Call]
    pool: ThreadPoolExecutor

    def deliver(self) -> int:
        """Claims what is due and does it; how many jobs that were."""
        if not self._anything_due():
            return 0
        with self.database.writing.begin() as db:
            token = self.ids.new_id("lease")
            jobs = outbox.claim(
                db.connection(), now=self.clock(), limit=AT_ONCE, lease=LEASE, token=token, kinds=self._kinds
            )
        list(self.pool.map(self._do, jobs))
        return len(jobs)

    def _anything_due(self) -> bool:
        """Asked without taking the one write lock that SQLite has."""
        with self.database.reading() as db:
            return outbox.anything_due(db.connection(), self.clock(), self._kinds)

    @property
    def _kinds(self) -> tuple[str, ...]:
        """What these hands do; webhooks have hands of their own, so that a slow endpoint holds up no text."""
        return "message", "payout", *self.calls

    def _do(self, job: Job) -> None:
        kinds: Mapping[str, Callable[[Job], None]] = {"message": self._send, "payout": self._pay}
        try:
            kinds.get(job.kind, self._call)(job)
        except Exception as error:
            log.exception("job %s (%s) broke", job.id, job.kind)
            with self.database.writing.begin() as db:
                outbox.retry(db.connection(), job, due_at=self.clock() + LEASE, error=type(error).__name__)

    def _call(self, job: Job) -> None:
        self.calls[job.kind](job.payload)
        with self.database.writing.begin() as db:
            outbox.done(db.connection(), job, now=self.clock())

    # -- texts

    def _send(self, job: Job) -> None:
        message = self._taken_in_hand(job)
        if message is None:
            return
        sender = self.route.sender(message.msisdn)
        try:
            receipt = sender.send(
                OutgoingSms(
                    message.id, message.msisdn, message.text, "whatsapp" if message.channel == "whatsapp" else "sms"
                )
            )
        except SendError as error:
            self._not_sent(job, message, sender.name, error)
            return
        with self.database.writing.begin() as db:
            conn, now = db.connection(), self.clock()
            messages.sent(
                conn, message.id, provider=sender.name, provider_id=receipt.provider_id, cost=receipt.cost, now=now
            )
            outbox.done(conn, job, now=now)

    def _taken_in_hand(self, job: Job) -> Message | None:
        """The message, committed as being sent; None when it must not be sent, which is then settled."""
        with self.database.writing.begin() as db:
            conn, now = db.connection(), self.clock()
            message = messages.find(conn, job.payload["message"])
            person = message and people.find(conn, message.msisdn)
            if message is None or message.status not in ("queued", "sending"):
                pass
            elif person and person.opted_out_at and message.topic not in ANSWERS:
                messages.suppressed(conn, message.id, error="opted out")
            elif messages.sending(conn, message.id):
                return message
            else:
                # a worker died between asking the provider and writing down its answer: its report will tell
                provider = self.route.sender(message.msisdn).name
                messages.unknown(conn, message.id, error="interrupted", provider=provider)
            outbox.done(conn, job, now=now)
            return None

    def _not_sent(self, job: Job, message: Message, provider: str, error: SendError) -> None:
        log.warning(
            "a text was not sent", extra={"message_id": message.id, "provider": provider, "reason": error.reason}
        )
        with self.database.writing.begin() as db:
            conn, now = db.connection(), self.clock()
            if error.reason == "opted_out":
                people.opt_out(conn, message.msisdn, f"{provider} refused", now)
            if error.unknown:
                messages.unknown(conn, message.id, error=error.reason, provider=provider)
                outbox.done(conn, job, now=now)
            elif error.retryable and job.attempts <= len(WAITS):
                messages.postponed(conn, message.id, error=error.reason)
                outbox.retry(conn, job, due_at=now + WAITS[job.attempts - 1], error=error.reason)
            else:
                messages.failed(conn, message.id, error=error.reason, provider=provider)
                outbox.bury(conn, job, now=now, error=error.reason)

    # -- payouts

    def _pay(self, job: Job) -> None:
        payout = self._being_paid(job)
        if payout is None:
            return
        try:
            reference = self.payer.pay(payout.id, payout.msisdn or "", payout.amount, payout.currency)
        except PayError as error:
            self._not_paid(job, payout, error)
            return
        with self.database.writing.begin() as db:
            shop = Shop(db, self.clock(), self.ids, self.terms)
            payouts.settle_paid(shop, payout.id, reference)
            outbox.done(db.connection(), job, now=shop.now)

    def _being_paid(self, job: Job) -> Payout | None:
        """The payout, committed as being sent before anybody is asked to pay it; None when it must not be paid."""
        with self.database.writing.begin() as db:
            shop = Shop(db, self.clock(), self.ids, self.terms)
            payout = payouts.by_id(shop, job.payload["payout"])
            # still being sent: a worker died while it asked. The provider knows the payout by its id and answers alike
            if payout.status != "sending":
                try:
                    payouts.begin_sending(shop, payout.id)
                except Refused as refused:
                    log.warning("a payout is not sent again", extra={"payout": payout.id, "reason": refused.reason})
                    outbox.done(db.connection(), job, now=shop.now)
                    return None
            db.expunge(payout)
            return payout

    def _not_paid(self, job: Job, payout: Payout, error: PayError) -> None:
        with self.database.writing.begin() as db:
            shop = Shop(db, self.clock(), self.ids, self.terms)
            if error.unknown:
                payouts.settle_unknown(shop, payout.id)
            else:
                payouts.settle_failed(shop, payout.id, error.reason)
            outbox.done(db.connection(), job, now=shop.now)
