"""What leaves us that is no text: payouts, webhooks, a simulated carrier's reports; each kind of job by its handler."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from marketplace_api.shop import Ids
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
HANDS = 8
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 32))
"""After each time that a handler broke; after the last the job is buried, and operators see it."""

Handler = Callable[[Job], object]
"""Does a job. It may settle the job in a transaction of its own; if it does not, the job is done when it returns.

A handler that raises has a bug, or a bad day.
"""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """One worker's errands, by kind of job. Any number of workers share the outbox."""

    database: Database
    clock: Clock
    ids: Ids
    handlers: Mapping[str, Handler]
    pool: ThreadPoolExecutor

    def run(self) -> int:
        """Claims what is due and does it; how many jobs that were."""
        kinds = list(self.handlers)
        with self.database.reading() as db:
            if not outbox.anything_due(db.connection(), self.clock(), kinds):
                return 0
        with self.database.writing.begin() as db:
            conn, now, token = db.connection(), self.clock(), self.ids.new_id("lease")
            # no more than there are hands: what waited for one would use up its lease
            jobs = outbox.claim(conn, now=now, limit=HANDS, lease=LEASE, token=token, kinds=kinds)
        list(self.pool.map(self._do, jobs))
        return len(jobs)

    def _do(self, job: Job) -> None:
        try:
            self.handlers[job.kind](job)
        except Exception as error:
            log.exception("job %s (%s) broke", job.id, job.kind)
            self._broke(job, type(error).__name__)
        else:
            with self.database.writing.begin() as db:
                outbox.finish(db.connection(), job, now=self.clock())

    def _broke(self, job: Job, error: str) -> None:
        with self.database.writing.begin() as db:
            conn, now = db.connection(), self.clock()
            if job.attempts <= len(WAITS):
                outbox.retry(conn, job, due_at=now + WAITS[job.attempts - 1], error=error)
            else:
                outbox.dead_letter(conn, job, now=now, error=error)
