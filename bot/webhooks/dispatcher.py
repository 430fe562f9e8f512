"""Events pushed to webhook endpoints, signed as Standard Webhooks 1.0.0 has it.

    POST https://shop.example/soko
    webhook-id: evt_4k2…                         the event's, the same at every attempt
    webhook-timestamp: 1795339205                this attempt's
    webhook-signature: v1,BlDJ73Hj… v1,9sd3k…    two while a secret is changed
    {"type":"order.accepted","timestamp":"2026-11-22T09:20:05Z","data":{…}}

Each delivery is a job. Those of one endpoint share a lane, so it is told one thing at a time and in order; an event
that it refuses again leaves the lane, so that the others go on. A worker killed between the attempt and its note
leaves a job that is claimed again: the endpoint then hears of the event twice, under one id.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from bot.runtime.clock import Clock, system_clock
from bot.services import Services
from bot.webhooks.safe_http import Poster, PostError, PostResult
from marketplace_api.events import events, webhooks
from marketplace_api.events.webhooks import FailedAttempt
from marketplace_api.models import Event, WebhookDelivery
from marketplace_api.schemas.webhooks import WebhookBody
from marketplace_api.shop import Ids, Shop, Terms
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)

KIND = "webhook"
LEASE = timedelta(minutes=2)
"""Longer than any attempt: resolving, connecting and waiting for the answer."""
HANDS = 8
"""Deliveries that a worker makes at the same time; a slow endpoint keeps one hand, seldom more."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One attempt, made up: what goes where. It needs no database any more."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WebhookDispatcher:
    """Pushes events, one delivery at a time; any number of threads and workers may do so at once."""

    event_consumer: EventConsumer[Event]
    database: Database
    clock: Clock
    ids: Ids
    terms: Terms
    poster: Poster
    wall: Clock = system_clock
    """What the receiver's clock says too: it believes a signature for minutes, so ours must not be moved forward."""

    def step(self) -> bool:
        """One look at what is new and one delivery; whether there was anything."""
        told = self.consume()
        return self.push() or told

    def consume(self) -> bool:
        """Puts down what new events are owed to whom; False when there are none."""
        return self.event_consumer.consume() > 0

    def anything_due(self) -> bool:
        """Whether there is something to push; asked without taking the one write lock that SQLite has."""
        with self.database.reading() as db:
            return outbox.anything_due(db.connection(), self.clock(), (KIND,))

    def push(self) -> bool:
        """Makes one attempt at a delivery that is due; False when none is."""
        if not self.anything_due():
            return False
        with self.database.writing.begin() as db:
            shop, token = self._shop(db), self.ids.new_id("lease")
            jobs = outbox.claim(db.connection(), now=shop.now, limit=1, lease=LEASE, token=token, kinds=(KIND,))
            letters = [(job, self._letter(shop, job)) for job in jobs]
        for job, letter in letters:
            self._attempt(job, letter)
        return bool(jobs)

    def _letter(self, shop: Shop, job: Job) -> WebhookRequest | None:
        """The attempt that the job asks for; None when there is nothing to deliver any more."""
        delivery = webhooks.pending(shop, job.payload["delivery"], job.payload["round"])
        if delivery is None:
            return None
        endpoint = delivery.endpoint
        return letter(delivery.event, endpoint.url, webhooks.secrets(endpoint, shop.now), self.wall())

    def _attempt(self, job: Job, letter: WebhookRequest | None) -> None:
        outcome = self._outcome(letter) if letter else None
        with self.database.writing.begin() as db:
            _settle(self._shop(db), job, outcome)

    def _outcome(self, letter: WebhookRequest) -> PostResult | FailedAttempt:
        """A 2xx answer, or why there is none."""
        try:
            answer = self.poster.post(letter.url, letter.body, letter.headers)
        except PostError as error:
            return FailedAttempt(error.reason)
        if 200 <= answer.status < 300:
            return answer
        return FailedAttempt(f"http_{answer.status}", answer.status, retry_after(answer.retry_after, self.clock()))

    def _shop(self, session: Session) -> Shop:
        return Shop(session, self.clock(), self.ids, self.terms)


@dataclass(frozen=True, slots=True)
class WebhookWorkers:
    """As many threads as there is work for: one that finds nothing more to push goes home, and looks at no database."""

    webhooks: WebhookDispatcher
    pool: ThreadPoolExecutor
    stop: threading.Event
    free: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(HANDS))

    def look(self) -> bool:
        """Calls a hand if there is one free and something to do for it; whether anything was new."""
        told = self.webhooks.consume()
        called = self.webhooks.anything_due() and self.free.acquire(blocking=False)
        if called:
            self.pool.submit(self._push)
        return told or called

    def _push(self) -> None:
        try:
            while not self.stop.is_set() and self.webhooks.push():
                pass
        except Exception:
            log.exception("a delivery broke; it is claimed again when its lease has run out")
        finally:
            self.free.release()


def build(services: Services, poster: Poster | None = None) -> WebhookDispatcher:
    """The webhooks of this house."""

    def since(after: int, limit: int) -> Sequence[tuple[int, Event]]:
        with services.database.reading() as session:
            return [(event.seq, event) for event in events.since(services.shop(session), after, limit)]

    def take(session: Session, event: Event) -> None:
        _queue(services.shop(session), session.merge(event, load=False))

    event_consumer = EventConsumer("webhooks", since, take, services.database)
    reach = poster or Poster(anywhere=services.settings.development)
    return WebhookDispatcher(event_consumer, services.database, services.clock, services.ids, services.terms, reach)


def _queue(shop: Shop, event: Event) -> None:
    """A job for each delivery that the event is the cause of."""
    for delivery in webhooks.deliveries_for(shop, event):
        _add(shop, delivery, ordering_key=f"webhook:{delivery.endpoint_id}")


def _add(shop: Shop, delivery: WebhookDelivery, *, ordering_key: str | None) -> None:
    outbox.add(
        shop.session.connection(),
        kind=KIND,
        payload={"delivery": delivery.id, "round": delivery.round},
        key=f"webhook:{delivery.id}:{delivery.round}:{'in order' if ordering_key else 'aside'}",
        ordering_key=ordering_key,
        due_at=delivery.next_attempt_at or shop.now,
        now=shop.now,
    )


def letter(event: Event, url: str, secrets: Sequence[str], now: datetime) -> WebhookRequest:
    """The event, signed with every one of the secrets."""
    body = WebhookBody.of(event).model_dump_json()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Soko",
        "webhook-id": event.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event.id, now.astimezone(UTC), body) for secret in secrets),
    }
    return WebhookRequest(url, body.encode(), headers)


def _settle(shop: Shop, job: Job, outcome: PostResult | FailedAttempt | None) -> None:
    """Writes down what came of an attempt, and what follows."""
    conn = shop.session.connection()
    delivery = webhooks.pending(shop, job.payload["delivery"], job.payload["round"])
    if delivery is None or outcome is None:
        outbox.finish(conn, job, now=shop.now)
    elif isinstance(outcome, PostResult):
        webhooks.record_success(shop, delivery, outcome.status)
        outbox.finish(conn, job, now=shop.now)
    else:
        _postpone(shop, job, delivery, outcome)


def _postpone(shop: Shop, job: Job, delivery: WebhookDelivery, miss: FailedAttempt) -> None:
    log.warning(
        "an event was not delivered",
        extra={"endpoint": delivery.endpoint_id, "delivery": delivery.id, "reason": miss.error},
    )
    conn, follows = shop.session.connection(), webhooks.record_failure(shop, delivery, miss)
    if follows == "failed":
        outbox.dead_letter(conn, job, now=shop.now, error=miss.error)
    elif follows == "aside" and job.ordering_key:
        _add(shop, delivery, ordering_key=None)
        outbox.finish(conn, job, now=shop.now)
    else:
        outbox.retry(conn, job, due_at=delivery.next_attempt_at or shop.now, error=miss.error)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """What a `Retry-After` asks for, written as seconds or as a date (RFC 9110 §10.2.3); None when it says nothing."""
    if header is None:
        return None
    if re.fullmatch("[0-9]{1,9}", header):
        return timedelta(seconds=int(header))
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(until.astimezone(UTC) - now, timedelta())
