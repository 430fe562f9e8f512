"""Jobs that are one function call each: payouts, pictures, broadcasts, commands for a remote marketplace.

    HandlerDispatcher(clock, {"payout": pay, "pictures": fetch})

A handler that raises is called again after the gaps of `RETRIES`; after the last one its job is dead-lettered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from bot.jobs.runner import QueueOptions
from bot.runtime.clock import Clock
from marketplace_api.backoff import Backoff
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
"""Longer than two jobs take one after the other: each may be two requests, which end after 10 seconds."""
WORKERS = 8
RETRIES = Backoff.doubling(timedelta(minutes=1), timedelta(minutes=32))

Handler = Callable[[Job], object]
"""Performs a job. It may finish, retry or postpone the job in a transaction of its own.

If it does not, the job is finished after it returns. It may be called again for the same job, after a crash.
"""


def with_payload(call: Callable[[Mapping[str, Any]], object]) -> Handler:
    """A handler that calls `call` with the payload of the job."""
    return lambda job: call(job.payload)


class RetryLaterError(Exception):
    """Raised by a handler whose job must run again, because another service was not ready; this is no bug."""

    def __init__(self, error: str, retry_after: timedelta | None = None) -> None:
        super().__init__(error)
        self.retry_after = retry_after
        """The wait that the other service asked for."""


@dataclass(frozen=True, slots=True)
class HandlerResult:
    """A job whose handler returned, or raised: `error` is what a RetryLaterError says, else the class's name."""

    job: Job
    error: str | None = None
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HandlerDispatcher:
    """Performs each job with the handler of its kind."""

    clock: Clock
    handlers: Mapping[str, Handler]

    @property
    def options(self) -> QueueOptions:
        # no more than two claims for each worker: a job that waits for a worker uses up its lease
        return QueueOptions(list(self.handlers), LEASE, workers=WORKERS, claimed_at_most=2 * WORKERS, gather_s=0.02)

    def prepare(self, db: Session, jobs: Sequence[Job]) -> Sequence[Job]:
        return jobs

    def perform(self, job: Job) -> Sequence[HandlerResult]:
        try:
            self.handlers[job.kind](job)
        except RetryLaterError as error:
            log.warning("job %s (%s) runs again later: %s", job.id, job.kind, error)
            return [HandlerResult(job, str(error), error.retry_after)]
        except Exception as error:
            log.exception("job %s (%s) failed", job.id, job.kind)
            return [HandlerResult(job, type(error).__name__)]
        return [HandlerResult(job)]

    def settle(self, db: Session, results: Collection[HandlerResult]) -> None:
        conn, now = db.connection(), self.clock()
        outbox.finish_all(conn, [result.job for result in results if result.error is None], now=now)
        for result in results:
            if result.error is None:
                continue
            job = result.job
            if RETRIES.is_spent(job.attempts):
                outbox.dead_letter(conn, job, now=now, error=result.error)
            else:
                gap = RETRIES.gap(job.attempts, requested=result.retry_after)
                outbox.retry(conn, job, due_at=now + gap, error=result.error)

    def settle_failed(self, db: Session, result: HandlerResult, error: Exception) -> None:
        """Do nothing: the job is claimed again when its lease ends."""

    def release(self, db: Session, jobs: Sequence[Job]) -> None:
        outbox.release(db.connection(), jobs)

    def interrupted(self, job: Job) -> Sequence[HandlerResult]:
        """Do nothing: the job is claimed again when its lease ends."""
        return []
