"""Pushes events to webhook endpoints, signed as in Standard Webhooks 1.0.0.

    POST https://shop.example/soko
    webhook-id: evt_4k2…                         the event's id, the same at every attempt
    webhook-timestamp: 1795339205                the time of this attempt
    webhook-signature: v1,BlDJ73Hj… v1,9sd3k…    two while the secret is being rotated
    {"type":"order.accepted","timestamp":"2026-11-22T09:20:05Z","data":{…}}

If a worker dies between an attempt and its record, the delivery is attempted again: the endpoint then gets the event
twice, with the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from bot.db.unit_of_work import Database
from bot.jobs.runner import QueueOptions
from bot.runtime.clock import Clock, system_clock
from bot.webhooks.deliveries import KIND, add_job
from bot.webhooks.safe_http import Poster, PostError, PostResult
from marketplace_api.backoff import retry_after
from marketplace_api.events import webhooks
from marketplace_api.events.webhooks import FailedAttempt
from marketplace_api.models import Event, WebhookDelivery
from marketplace_api.schemas.webhooks import WebhookBody
from marketplace_api.shop import OpenShop, Shop
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
"""Longer than any attempt: resolving the name, connecting and waiting for the answer."""
WORKERS = 8
"""Deliveries in progress at the same time. A slow endpoint occupies one worker, seldom more."""
OPTIONS = QueueOptions(
    (KIND,),
    LEASE,
    workers=WORKERS,
    claimed_at_most=WORKERS,
    settles_together=False,  # each settlement locks an endpoint
)


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One attempt, ready to be posted without the database."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """The outcome of a job's attempt; None if there was nothing left to deliver."""

    job: Job
    outcome: PostResult | FailedAttempt | None


@dataclass(frozen=True, slots=True)
class WebhookDispatcher:
    """Pushes deliveries, each in its own request."""

    database: Database
    clock: Clock
    open_shop: OpenShop
    poster: Poster
    wall_clock: Clock = system_clock
    """The clock for signatures: receivers accept a timestamp only for minutes, and `clock` may be moved forward."""
    options: QueueOptions = OPTIONS

    def prepare(self, db: Session, jobs: Sequence[Job]) -> Sequence[Job]:
        return jobs

    def perform(self, job: Job) -> Sequence[DeliveryAttempt]:
        with self.database.reading() as db:
            request = self._request(self.open_shop(db), job)
        return [DeliveryAttempt(job, self._post(request) if request else None)]

    def _request(self, shop: Shop, job: Job) -> WebhookRequest | None:
        """The request to post; None if the delivery has ended or a replay has begun a new round."""
        delivery = webhooks.pending(shop, job.payload["delivery"], job.payload["round"])
        if delivery is None:
            return None
        endpoint = delivery.endpoint
        return signed_request(delivery.event, endpoint.url, webhooks.secrets(endpoint, shop.now), self.wall_clock())

    def _post(self, request: WebhookRequest) -> PostResult | FailedAttempt:
        """The result if the answer is 2xx, otherwise the failure."""
        try:
            answer = self.poster.post(request.url, request.body, request.headers)
        except PostError as error:
            return FailedAttempt(error.reason)
        if 200 <= answer.status < 300:
            return answer
        return FailedAttempt(f"http_{answer.status}", answer.status, retry_after(answer.retry_after, self.clock()))

    def settle(self, db: Session, results: Collection[DeliveryAttempt]) -> None:
        for attempt in results:
            _settle(self.open_shop(db), attempt)

    def settle_failed(self, db: Session, result: DeliveryAttempt, error: Exception) -> None:
        """Do nothing: the job is claimed again when its lease ends."""

    def release(self, db: Session, jobs: Sequence[Job]) -> None:
        outbox.release(db.connection(), jobs)

    def interrupted(self, job: Job) -> Sequence[DeliveryAttempt]:
        """Do nothing: the job is claimed again when its lease ends."""
        return []


def signed_request(event: Event, url: str, secrets: Sequence[str], now: datetime) -> WebhookRequest:
    """The request for an event, signed with each of the secrets."""
    body = WebhookBody.of(event).model_dump_json()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Soko",
        "webhook-id": event.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event.id, now.astimezone(UTC), body) for secret in secrets),
    }
    return WebhookRequest(url, body.encode(), headers)


def _settle(shop: Shop, attempt: DeliveryAttempt) -> None:
    """Record the outcome of an attempt, and finish, retry or dead-letter its job."""
    conn, job, outcome = shop.session.connection(), attempt.job, attempt.outcome
    delivery = webhooks.pending(shop, job.payload["delivery"], job.payload["round"])
    if delivery is None or outcome is None:
        outbox.finish(conn, job, now=shop.now)
    elif isinstance(outcome, PostResult):
        webhooks.record_success(shop, delivery, outcome.status)
        outbox.finish(conn, job, now=shop.now)
    else:
        _retry(shop, job, delivery, outcome)


def _retry(shop: Shop, job: Job, delivery: WebhookDelivery, failure: FailedAttempt) -> None:
    log.warning(
        "an event was not delivered",
        extra={"endpoint": delivery.endpoint_id, "delivery": delivery.id, "reason": failure.error},
    )
    conn, following = shop.session.connection(), webhooks.record_failure(shop, delivery, failure)
    if following == "failed":
        outbox.dead_letter(conn, job, now=shop.now, error=failure.error)
    elif following == "out_of_order" and job.ordering_key:
        add_job(shop, delivery, ordering_key=None)
        outbox.finish(conn, job, now=shop.now)
    else:
        outbox.retry(conn, job, due_at=delivery.next_attempt_at or shop.now, error=failure.error)
