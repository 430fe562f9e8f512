"""Texts leave: claimed many at a time under a lease, handed over by many hands, settled many at a time.

    settle what came back, claim what is next        one transaction, and the database is let go
    ask the providers                                each text in a hand of its own

A text is committed as being sent before its provider is asked, so whoever comes after a dead worker knows that it
may have left. What certainly did not leave is tried again, at growing gaps; what may have is not, unless the worker
that asked died and no report came (docs/adr/0015).
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.db.unit_of_work import Database
from bot.messaging import consent
from bot.messaging.queue import BROADCAST, MESSAGE
from bot.messaging.routing import Router, SendAttempt, SendBatch, SendResult, alike, carry
from bot.messaging.send_policy import HOUR, LOOPS, Held, SendPolicy
from bot.providers.contracts import BulkSender, Receipt
from bot.providers.errors import Reason, SendError
from bot.runtime.clock import Clock
from marketplace_api.shop import Ids
from state import counters, delivery_reports, messages, outbox, people, sending
from state.rates import SendRates

log = logging.getLogger(__name__)

KINDS = (MESSAGE,)
LEASE = timedelta(seconds=60)
HANDS = 84
AT_ONCE = 2 * HANDS
"""How many calls are claimed at most: some in hand, and some ready for the hands that come free."""
GRACE_S = 8.0
"""How long a stopping worker waits for providers' answers."""
IDLE_S = 0.25
GATHERING_S = 0.02
"""How long answers are gathered: a transaction costs much, and one text more in it little."""
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 3, 5, 7))
"""After each refusal that means *later*; after the last the text is given up, and operators see it."""
JITTER = 0.15
"""So much of a wait is chance, that what failed together does not come back together."""
REPEATS = 3
"""How often a text is sent again after a worker died sending it: it may be what they die of."""
LATENCIES_S = (1, 2, 5, 15, 60, 300, 1800)
"""Buckets of how long texts wait until a provider has them."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """One worker's texts. Any number of them share the outbox. `per_second` limits the providers it names."""

    database: Database
    clock: Clock
    ids: Ids
    route: Router
    manners: SendPolicy
    rates: SendRates
    per_second: Mapping[str, float]
    pool: ThreadPoolExecutor
    in_hand: dict[Future[list[SendResult]], SendBatch] = field(default_factory=dict)
    unsettled: deque[SendResult] = field(default_factory=deque)
    """What came back and is not written down yet, as while the database restarts."""

    def deliver(self) -> int:
        """Claims what is due, sends it and waits for all of it; how many texts that were."""
        calls, count = self._exchange(AT_ONCE)
        for outcomes in self.pool.map(carry, calls):
            self.unsettled.extend(outcomes)
        self._exchange(0)
        return count

    def run(self, stop: threading.Event) -> None:
        """Keeps its hands full until `stop` is set; then what is in hand is finished, and the rest given back."""
        while not stop.is_set():
            self._come_back(stop)
            calls, count = self._exchange(AT_ONCE - len(self.in_hand))
            self.in_hand.update({self.pool.submit(carry, call): call for call in calls})
            if not count and not self.in_hand:
                stop.wait(IDLE_S)
        self._finish()

    def _come_back(self, stop: threading.Event) -> None:
        """Takes what the hands have done since; waits for the first of them, and a little for others."""
        if wait(self.in_hand, IDLE_S, FIRST_COMPLETED).done:
            stop.wait(GATHERING_S)
        for future in [future for future in self.in_hand if future.done()]:
            self.unsettled.extend(future.result())
            del self.in_hand[future]

    def _finish(self) -> None:
        waiting = [future for future in self.in_hand if future.cancel()]
        self._put_back([letter for future in waiting for letter in self.in_hand.pop(future).letters])
        wait(self.in_hand, GRACE_S)
        unanswered = SendError(Reason.NO_ANSWER)
        for future, call in self.in_hand.items():
            self.unsettled.extend(future.result() if future.done() else alike(call, unanswered))
        self._exchange(0)

    def _put_back(self, letters: Sequence[SendAttempt]) -> None:
        with self.database.writing.begin() as db:
            sending.release(db.connection(), [letter.message.id for letter in letters])
            outbox.release(db.connection(), [letter.job for letter in letters])

    # -- one transaction: what came back is settled, what is next is claimed

    def _exchange(self, limit: int) -> tuple[list[SendBatch], int]:
        """The calls to make next, and how many texts were claimed for them or held back."""
        if not self.unsettled and not self._anything_due():
            return [], 0
        try:
            with self.database.writing.begin() as db:
                self._settle(db.connection(), self.unsettled)
                next_ones = self._take(db.connection(), limit)
        except Exception:
            if not self.unsettled:
                raise
            log.exception("%d outcomes cannot be settled together", len(self.unsettled))
            self._settle_apart()
            return [], 0
        self.unsettled.clear()
        return next_ones

    def _anything_due(self) -> bool:
        """Asked without taking the one write lock that SQLite has."""
        with self.database.reading() as db:
            return outbox.anything_due(db.connection(), self.clock(), KINDS)

    def _settle_apart(self) -> None:
        """One that cannot be written down takes no other with it; it may have left, so it is not sent again.

        Raises when nothing can be written down; all is kept then.
        """
        while self.unsettled:
            outcome = self.unsettled[0]
            try:
                with self.database.writing.begin() as db:
                    self._settle(db.connection(), [outcome])
            except Exception as error:
                log.exception("what became of %s cannot be settled", outcome.letter.message.id)
                broke = SendError(Reason.NO_ANSWER, type(error).__name__)
                with self.database.writing.begin() as db:
                    self._settle(db.connection(), [replace(outcome, said=broke)])
            self.unsettled.popleft()

    # -- what is next

    def _take(self, conn: Connection, limit: int) -> tuple[list[SendBatch], int]:
        if limit <= 0:
            return [], 0
        now, token = self.clock(), self.ids.new_id("lease")
        jobs = outbox.claim(conn, now=now, limit=limit, lease=LEASE, token=token, kinds=KINDS)
        found = messages.find_all(conn, [job.payload["message"] for job in jobs])
        letters = [SendAttempt(job, found[job.payload["message"]]) for job in jobs if job.payload["message"] in found]
        outbox.finish_all(conn, [job for job in jobs if job.payload["message"] not in found], now=now)  # erased
        counts: Counter[tuple[str, str]] = Counter()
        going = self._within_rates(conn, self._mannerly(conn, self._open(conn, letters, now), counts, now), now)
        again = {letter.message.id for letter in going if letter.message.status == "sending"}
        sending.start(conn, [letter.message.id for letter in going if letter.message.id not in again], now)
        for id in again:
            sending.start_again(conn, id, now)
        counters.add(conn, counts)
        return self._calls(going), len(jobs)

    def _open(self, conn: Connection, letters: Iterable[SendAttempt], now: datetime) -> list[SendAttempt]:
        """Those not settled yet. Of one that a dead worker was sending, a report may have told that it left."""
        still_open, settled = [], []
        for letter in letters:
            message, provider = letter.message, self.route.sender(letter.message.msisdn).name
            if message.status == "queued":
                still_open.append(letter)
            elif message.status != "sending" or delivery_reports.confirm(conn, message, provider):
                settled.append(letter.job)
            elif message.repeats < REPEATS:
                still_open.append(letter)
            else:
                sending.mark_unknown(conn, message.id, error="interrupted", provider=provider)
                settled.append(letter.job)
        outbox.finish_all(conn, settled, now=now)
        return still_open

    def _mannerly(
        self, conn: Connection, letters: Sequence[SendAttempt], counts: Counter[tuple[str, str]], now: datetime
    ) -> list[SendAttempt]:
        """Those that nothing speaks against; the others wait, or stay."""
        msisdns = {letter.message.msisdn for letter in letters}
        persons = people.find_all(conn, msisdns)
        had = messages.attempted_since(conn, msisdns, now - HOUR)
        going = []
        for letter in letters:
            message = letter.message
            hers = [each for each in had if each.msisdn == message.msisdn]
            objection = self.manners.objection(message, persons.get(message.msisdn), hers, now)
            if objection is None:
                going.append(letter)
            elif isinstance(objection, Held):
                sending.hold(conn, message.id, error=objection.why)
                outbox.postpone(conn, letter.job, due_at=objection.until, error=objection.why)
            else:
                sending.suppress(conn, message.id, error=objection.why)
                outbox.finish(conn, letter.job, now=now)
                counts["suppressed", objection.why] += 1
                if objection.why == LOOPS:
                    log.error("the same text goes round in a loop and is stopped", extra={"message_id": message.id})
        return going

    def _within_rates(self, conn: Connection, letters: Sequence[SendAttempt], now: datetime) -> list[SendAttempt]:
        """As many for each provider as its rate grants; the others are due when it will grant them."""
        going = []
        by_provider: dict[str, list[SendAttempt]] = {}
        for letter in letters:
            by_provider.setdefault(self.route.sender(letter.message.msisdn).name, []).append(letter)
        for provider, theirs in by_provider.items():
            granted = len(theirs)
            if rate := self.per_second.get(provider):
                granted = self.rates.take(conn, provider, per_second=rate, wanted=granted, now=now)
                for place, letter in enumerate(theirs[granted:], 1):
                    outbox.postpone(conn, letter.job, due_at=now + timedelta(seconds=place / rate), error=None)
            going += theirs[:granted]
        return sorted(going, key=letters.index)

    def _calls(self, letters: Sequence[SendAttempt]) -> list[SendBatch]:
        """A call for each letter; for a broadcast's, where the provider takes many at once, for many."""
        calls, alike = [], dict[tuple[str, str], list[SendAttempt]]()
        for letter in letters:
            sender = self.route.sender(letter.message.msisdn)
            if letter.job.priority == BROADCAST and isinstance(sender, BulkSender):
                together = alike.setdefault((sender.name, letter.message.text), [])
                together.append(letter)
                if len(together) < sender.batch_size:
                    continue
                del alike[sender.name, letter.message.text]
                calls.append(self._call(together))
            else:
                calls.append(self._call([letter]))
        return calls + [self._call(together) for together in alike.values()]

    def _call(self, letters: Sequence[SendAttempt]) -> SendBatch:
        return SendBatch(self.route.ways(letters[0].message.msisdn), tuple(letters))

    # -- what came back

    def _settle(self, conn: Connection, outcomes: Collection[SendResult]) -> None:
        now = self.clock()
        taken = [(outcome, outcome.said) for outcome in outcomes if isinstance(outcome.said, Receipt)]
        sending.accept(
            conn,
            [
                sending.AcceptedMessage(outcome.letter.message.id, outcome.provider, receipt.provider_id, receipt.cost)
                for outcome, receipt in taken
            ],
            now,
        )
        outbox.finish_all(conn, [outcome.letter.job for outcome, _ in taken], now=now)
        for outcome in outcomes:
            if isinstance(outcome.said, SendError):
                self._not_sent(conn, outcome.letter, outcome.provider, outcome.said, now)
        counters.add(conn, _counted(outcomes, now))

    def _not_sent(self, conn: Connection, letter: SendAttempt, provider: str, error: SendError, now: datetime) -> None:
        job, message = letter.job, letter.message
        log.warning(
            "a text was not sent", extra={"message_id": message.id, "provider": provider, "reason": error.detail}
        )
        consent.apply_refusal(conn, message.msisdn, provider, error.reason, error.detail, now)
        if error.reason.outcome_unknown:
            sending.mark_unknown(conn, message.id, error=error.detail, provider=provider)
            outbox.finish(conn, job, now=now)
        elif error.reason.retryable and job.attempts <= len(WAITS):
            sending.retry_later(conn, message.id, error=error.detail)
            outbox.retry(conn, job, due_at=now + self._wait(job.attempts), error=error.detail)
        else:
            sending.fail(conn, message.id, error=error.detail, provider=provider)
            outbox.dead_letter(conn, job, now=now, error=error.detail)

    def _wait(self, attempts: int) -> timedelta:
        return WAITS[attempts - 1] * (1 - JITTER * self.ids.random.random())


def _counted(outcomes: Collection[SendResult], now: datetime) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        if isinstance(outcome.said, SendError):
            counts["refused", f"{outcome.provider} {outcome.said.detail}"] += 1
        else:
            waited_s = (now - outcome.letter.message.created_at).total_seconds()
            bucket = next((str(most) for most in LATENCIES_S if waited_s <= most), "+Inf")
            counts["sent", outcome.provider] += 1
            counts["waited", bucket] += 1
            counts["waited_ms", ""] += int(waited_s * 1000)
    return counts
