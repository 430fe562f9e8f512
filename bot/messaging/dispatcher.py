"""Sends messages: selects the claimed messages that may be sent now, groups them in batches and stores the results.

A message is committed as `sending` before the request to its provider, so that after a crash the next worker knows that
it may have been sent. A message that was certainly not sent is retried at growing intervals. One that may have been
sent is not sent again, unless its worker died and no delivery report came (docs/adr/0015).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from bot.jobs.runner import QueueOptions
from bot.marketplace.port import Unreachable
from bot.messaging import consent, queue, reports, routing
from bot.messaging.queue import BROADCAST, KIND, Priority
from bot.messaging.routing import NotSent, Router, SendAttempt, SendBatch, SendResult
from bot.messaging.sealing import Seal
from bot.messaging.send_policy import HOUR, Held, SendPolicy
from bot.messaging.still_true import Truth
from bot.providers.contracts import BulkSender, Receipt
from bot.providers.errors import Reason, SendError
from bot.runtime.clock import Clock
from bot.runtime.service_levels import ServiceLevel
from marketplace_api.backoff import Backoff
from marketplace_api.shop import Ids
from state import broadcasts, budgets, counters, delivery_reports, messages, outbox, people, sending
from state.budgets import Use
from state.messages import Message
from state.outbox import Job
from state.rates import SendRates
from state.sending import AcceptedMessage

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
WORKERS = 84
OPTIONS = QueueOptions((KIND,), LEASE, workers=WORKERS, claimed_at_most=2 * WORKERS, gather_s=0.02)
RETRIES = Backoff(tuple(timedelta(minutes=minutes) for minutes in (1, 3, 5, 7)), jitter=0.15)
"""The gaps after retryable failures. After the last attempt the message has failed, and operators see it."""
ASKS = Backoff.doubling(timedelta(minutes=1), timedelta(minutes=30))
"""The gaps after which the shop is asked again whether a message is still true, while it cannot be asked."""
REPEATS = 3
"""How often a message is sent again after its worker died: the message itself may be the cause."""
LATENCIES_S = (1, 2, 5, 15, 60, 300, 1800)
"""Buckets of the time from queueing a message until a provider accepts it."""

TEXTS_LEAVE = ServiceLevel(
    name="TextsLate",
    promise="99 of 100 texts are accepted by a provider within a minute of being queued.",
    objective=0.99,
    # Prometheus 3 writes every bound as a decimal number, older ones as we give it
    good='sum(rate(soko_text_wait_seconds_bucket{le=~"60([.]0)?"}[{window}]))',
    total="sum(rate(soko_text_wait_seconds_count[{window}]))",
)
TEXTS_ACCEPTED = ServiceLevel(
    name="TextsNotAccepted",
    promise="95 of 100 sends are accepted by the provider.",
    objective=0.95,
    good="sum(rate(soko_texts_sent_total[{window}]))",
    total="(sum(rate(soko_texts_sent_total[{window}])) + sum(rate(soko_texts_refused_total[{window}])))",
)

STRANGERS = "answers to strangers"
"""The budget of these messages."""
BEYOND_CAP = "strangers' cap"
STOPPED = "stopped"
"""Why a message of a broadcast that was stopped is suppressed."""
DAY_S = 86_400

Counts = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class MessageDispatcher:
    """Sends messages through their providers; `per_second` limits the providers that it names."""

    clock: Clock
    ids: Ids
    router: Router
    send_policy: SendPolicy
    rates: SendRates
    per_second: Mapping[str, float]
    truth: Truth
    strangers_cap: int
    """Answers a day, at most, to phones of no artisan, agent or buyer."""
    seal: Seal
    options: QueueOptions = OPTIONS

    # -- what is sent next

    def prepare(self, db: Session, jobs: Sequence[Job]) -> list[SendBatch]:
        conn, now, counts = db.connection(), self.clock(), Counts()
        unsettled = self._unsettled(conn, self._attempts(conn, jobs, now), now)
        running = self._without_stopped(conn, unsettled, counts, now)
        sendable = self._within_rates(conn, self._permitted(conn, running, counts, now), now)
        sendable = self._within_strangers_cap(conn, sendable, counts, now)
        interrupted = {attempt.message.id for attempt in sendable if attempt.message.status == "sending"}
        fresh = [attempt.message.id for attempt in sendable if attempt.message.id not in interrupted]
        sending.start(conn, fresh, now)
        for id in interrupted:
            sending.start_again(conn, id, now)
        counters.add(conn, counts)
        return self._batches(sendable)

    def _attempts(self, conn: Connection, jobs: Sequence[Job], now: datetime) -> list[SendAttempt]:
        """The jobs with their messages; the job of a message that was deleted is finished."""
        found = messages.find_all(conn, [job.payload["message"] for job in jobs])
        if self.router.whatsapp is None:
            found = {id: sending.send_by_sms(conn, message) for id, message in found.items()}
        outbox.finish_all(conn, [job for job in jobs if job.payload["message"] not in found], now=now)
        return [SendAttempt(job, found[job.payload["message"]]) for job in jobs if job.payload["message"] in found]

    def _unsettled(self, conn: Connection, attempts: Iterable[SendAttempt], now: datetime) -> list[SendAttempt]:
        """The attempts that need a send. If a report has confirmed a message whose worker died, its job is finished."""
        unsettled, settled = [], []
        for attempt in attempts:
            message, provider = attempt.message, self.router.sender(attempt.message).name
            if message.status == "queued":
                unsettled.append(attempt)
            elif message.status != "sending":
                settled.append(attempt.job)
            elif early := delivery_reports.confirm(conn, message, provider):
                reports.follow(conn, early, self.ids, now)
                settled.append(attempt.job)
            elif message.repeats < REPEATS:
                unsettled.append(attempt)
            else:
                self._mark_unknown(conn, message, provider, "interrupted", now)
                settled.append(attempt.job)
        outbox.finish_all(conn, settled, now=now)
        return unsettled

    def _without_stopped(
        self, conn: Connection, attempts: Sequence[SendAttempt], counts: Counts, now: datetime
    ) -> list[SendAttempt]:
        """The attempts without those of broadcasts that were stopped: these are suppressed."""
        ids = {each.message.about for each in attempts if each.message.topic == BROADCAST and each.message.about}
        stopped = broadcasts.stopped(conn, ids) if ids else set()
        for attempt in attempts:
            if attempt.message.about in stopped:
                self._suppress(conn, attempt, STOPPED, now)
                counts["suppressed", STOPPED] += not attempt.may_have_left
        return [each for each in attempts if each.message.about not in stopped]

    def _permitted(
        self, conn: Connection, attempts: Sequence[SendAttempt], counts: Counts, now: datetime
    ) -> list[SendAttempt]:
        """The attempts that the send policy allows now; the others are postponed or suppressed."""
        msisdns = {attempt.message.msisdn for attempt in attempts}
        persons = people.find_all(conn, msisdns)
        recent = messages.attempted_since(conn, msisdns, now - HOUR)
        permitted = []
        for attempt in attempts:
            message = attempt.message
            to_recipient = [each for each in recent if each.msisdn == message.msisdn]
            objection = self.send_policy.objection(message, persons.get(message.msisdn), to_recipient, now)
            if objection is None:
                permitted.append(attempt)
            elif isinstance(objection, Held):
                sending.hold(conn, message.id, error=objection.reason)
                outbox.postpone(conn, attempt.job, due_at=objection.until, error=objection.reason)
            else:
                self._suppress(conn, attempt, objection.reason, now)
                counts["suppressed", objection.reason] += not attempt.may_have_left
                if objection.reason == "loop":
                    log.error("the same text is sent in a loop; it is stopped", extra={"message_id": message.id})
        return permitted

    def _within_rates(self, conn: Connection, attempts: Sequence[SendAttempt], now: datetime) -> list[SendAttempt]:
        """As many attempts for each provider as its rate permits; the others are postponed until it permits them."""
        sendable = []
        by_provider: dict[str, list[SendAttempt]] = {}
        for attempt in attempts:
            by_provider.setdefault(self.router.sender(attempt.message).name, []).append(attempt)
        for provider, its_attempts in by_provider.items():
            granted = len(its_attempts)
            if rate := self.per_second.get(provider):
                granted = self.rates.take(conn, provider, per_second=rate, wanted=granted, now=now)
                for place, attempt in enumerate(its_attempts[granted:], 1):
                    outbox.postpone(conn, attempt.job, due_at=now + timedelta(seconds=place / rate), error=None)
            sendable += its_attempts[:granted]
        return sorted(sendable, key=attempts.index)

    def _batches(self, attempts: Sequence[SendAttempt]) -> list[SendBatch]:
        """One batch for each message; one for many messages of a broadcast if the provider takes many in one call."""
        batches, open_batches = [], dict[tuple[str, str], list[SendAttempt]]()
        for attempt in attempts:
            sender = self.router.sender(attempt.message)
            if attempt.job.priority == Priority.BROADCAST and isinstance(sender, BulkSender):
                same_text = open_batches.setdefault((sender.name, attempt.message.text), [])
                same_text.append(attempt)
                if len(same_text) < sender.batch_size:
                    continue
                del open_batches[sender.name, attempt.message.text]
                batches.append(self._batch(same_text))
            else:
                batches.append(self._batch([attempt]))
        return batches + [self._batch(same_text) for same_text in open_batches.values()]

    def _batch(self, attempts: Sequence[SendAttempt]) -> SendBatch:
        return SendBatch(self.router.candidates(attempts[0].message), tuple(attempts))

    def _within_strangers_cap(
        self, conn: Connection, attempts: Sequence[SendAttempt], counts: Counts, now: datetime
    ) -> list[SendAttempt]:
        """The attempts without the answers to strangers beyond the daily cap: these are suppressed.

        An answer is counted once, before it is first sent. Calls of strangers are served as before; they cost no text.
        """
        to_strangers = [each for each in attempts if each.message.to_stranger and each.message.asked_at is None]
        if not to_strangers:
            return list(attempts)
        spent = budgets.spend(conn, Use(STRANGERS, len(to_strangers), DAY_S), now.timestamp())
        left = max(0, len(to_strangers) - max(0, spent.total - self.strangers_cap))
        beyond = {each.message.id for each in to_strangers[left:]}
        for attempt in attempts:
            if attempt.message.id in beyond:
                self._suppress(conn, attempt, BEYOND_CAP, now)
                counts["suppressed", BEYOND_CAP] += 1
        return [each for each in attempts if each.message.id not in beyond]

    # -- sending

    def perform(self, batch: SendBatch) -> list[SendResult]:
        """Send the messages that are still true."""
        answers = [(attempt, self._objection(attempt)) for attempt in batch.attempts]
        unsent = [SendResult(attempt, batch.senders[0].name, answer) for attempt, answer in answers if answer]
        leaving = tuple(self._opened(attempt) for attempt, answer in answers if answer is None)
        return [*unsent, *(routing.send(replace(batch, attempts=leaving)) if leaving else [])]

    def _opened(self, attempt: SendAttempt) -> SendAttempt:
        """The attempt with the text that leaves: its one-time codes are in no table."""
        message = attempt.message
        return replace(attempt, message=replace(message, text=self.seal.open(message.text, message.sealed)))

    def _objection(self, attempt: SendAttempt) -> NotSent | None:
        """Why a message is not sent although the send policy allows it."""
        try:
            return None if self.truth.holds(attempt.message) else NotSent("stale")
        except Unreachable:
            return NotSent("shop unreachable")

    def interrupted(self, batch: SendBatch) -> list[SendResult]:
        """It is unknown whether the provider accepted these messages."""
        return routing.same_result(batch, SendError(Reason.NO_ANSWER))

    def release(self, db: Session, batches: Sequence[SendBatch]) -> None:
        attempts = [attempt for batch in batches for attempt in batch.attempts]
        sending.release(db.connection(), [attempt.message.id for attempt in attempts])
        outbox.release(db.connection(), [attempt.job for attempt in attempts])

    # -- results

    def settle(self, db: Session, results: Collection[SendResult]) -> None:
        conn, now = db.connection(), self.clock()
        receipts = [(result, result.answer) for result in results if isinstance(result.answer, Receipt)]
        early = sending.accept(conn, [_accepted(result, receipt) for result, receipt in receipts], now)
        reports.follow(conn, early, self.ids, now)
        outbox.finish_all(conn, [result.attempt.job for result, _ in receipts], now=now)
        for result in results:
            if isinstance(result.answer, SendError):
                self._not_sent(conn, result.attempt, result.provider, result.answer, now)
            elif isinstance(result.answer, NotSent):
                self._not_leaving(conn, result.attempt, result.answer, now)
        counters.add(conn, _counts(results, now))

    def settle_failed(self, db: Session, result: SendResult, error: Exception) -> None:
        """Mark the message as unknown: it may have been sent, so it is not sent again."""
        log.error("the status of a message is lost", extra={"message_id": result.attempt.message.id})
        self.settle(db, [replace(result, answer=SendError(Reason.NO_ANSWER, type(error).__name__))])

    def _not_sent(self, conn: Connection, attempt: SendAttempt, provider: str, error: SendError, now: datetime) -> None:
        job, message = attempt.job, attempt.message
        log.warning(
            "a message was not sent", extra={"message_id": message.id, "provider": provider, "reason": error.detail}
        )
        consent.apply_refusal(conn, message.msisdn, provider, error.reason, error.detail, now)
        if error.reason is Reason.NOT_BY_WHATSAPP and (stored := messages.find(conn, message.id)):
            queue.repeat_by_sms(conn, stored, self.ids.new_id("msg"), now)
        if error.reason.outcome_unknown:
            self._mark_unknown(conn, message, provider, error.detail, now)
            outbox.finish(conn, job, now=now)
        elif error.reason.retryable and not RETRIES.is_spent(job.attempts):
            gap = RETRIES.gap(job.attempts, requested=error.retry_after, random=self.ids.random)
            sending.retry_later(conn, message.id, error=error.detail)
            outbox.retry(conn, job, due_at=now + gap, error=error.detail)
        else:
            sending.fail(conn, message.id, error=error.detail, provider=provider)
            outbox.dead_letter(conn, job, now=now, error=error.detail)

    def _mark_unknown(self, conn: Connection, message: Message, provider: str, error: str, now: datetime) -> None:
        early = sending.mark_unknown(conn, message.id, error=error, provider=provider)
        reports.follow(conn, early or [], self.ids, now)

    def _suppress(self, conn: Connection, attempt: SendAttempt, reason: str, now: datetime) -> None:
        """End a message that is not to be sent: as suppressed, or as unknown if it may have left before."""
        message = attempt.message
        if attempt.may_have_left:
            self._mark_unknown(conn, message, self.router.sender(message).name, "interrupted", now)
        else:
            sending.suppress(conn, message.id, error=reason)
        outbox.finish(conn, attempt.job, now=now)

    def _not_leaving(self, conn: Connection, attempt: SendAttempt, answer: NotSent, now: datetime) -> None:
        """Suppress a message that is no longer true; keep one of which the shop cannot be asked now."""
        message = attempt.message
        sending.release(conn, [message.id])  # no provider was asked
        if answer.reason == "stale":
            self._suppress(conn, attempt, answer.reason, now)
        else:
            sending.hold(conn, message.id, error=answer.reason)
            due_at = now + ASKS.gap(attempt.job.polls + 1)
            outbox.poll_again(conn, attempt.job, due_at=due_at, error=answer.reason)


def _accepted(result: SendResult, receipt: Receipt) -> AcceptedMessage:
    return AcceptedMessage(result.attempt.message.id, result.provider, receipt.provider_id, receipt.cost)


def _counts(results: Collection[SendResult], now: datetime) -> Counts:
    counts = Counts()
    for result in results:
        if isinstance(result.answer, NotSent):
            is_suppressed = result.answer.reason == "stale" and not result.attempt.may_have_left
            counts["suppressed", result.answer.reason] += is_suppressed
        elif isinstance(result.answer, SendError):
            counts["refused", f"{result.provider} {result.answer.detail}"] += 1
        else:
            waited_s = (now - result.attempt.message.created_at).total_seconds()
            bucket = next((str(bound) for bound in LATENCIES_S if waited_s <= bound), "+Inf")
            counts["sent", result.provider] += 1
            counts["waited", bucket] += 1
            counts["waited_ms", ""] += int(waited_s * 1000)
    return counts
