"""The job runner: the loop that claims, performs and settles messages, webhooks and all other jobs.

    settle what finished, claim what is due        one transaction
    perform the claimed units                      in a thread pool, outside any transaction

Any number of workers share the outbox. The jobs of a worker that dies stay claimed until their lease ends; then
other workers claim them. What differs between kinds of jobs is in a `Dispatcher`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.jobs.pulse import Pulse
from bot.runtime.clock import Clock
from marketplace_api.shop import Ids
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)

IDLE_S = 0.25
"""Seconds until a runner that found nothing looks again."""
GRACE_S = 8.0
"""Seconds that a stopping runner waits for the units that are being performed."""
LAST_TRIES = 3
"""How often a stopping runner tries to settle results; each try may wait for a lock."""

Unit = TypeVar("Unit")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """Which jobs a runner claims, and how many.

    `lease` must be longer than a unit waits for a thread and runs. `workers` is the size of the thread pool. At most
    `claimed_at_most` units are claimed at a time; if that is more than `workers`, a free thread has the next one ready.
    """

    kinds: Collection[str]
    lease: timedelta
    workers: int
    claimed_at_most: int
    gather_s: float = 0.0
    """Seconds to wait for further units after one has finished: settling many in one transaction is cheaper."""
    settles_together: bool = True
    """False where a settlement locks rows that another worker may lock in a different order."""


class Dispatcher(Protocol[Unit, Result]):
    """How the jobs of one queue are performed and settled."""

    @property
    def options(self) -> QueueOptions: ...

    def prepare(self, db: Session, jobs: Sequence[Job]) -> Sequence[Unit]:
        """The units of work for claimed jobs, in the transaction that claims them.

        Jobs that need no unit are finished or postponed here.
        """
        ...

    def perform(self, unit: Unit) -> Sequence[Result]:
        """Do the work, in a thread of the pool. If it raises, the unit's jobs stay claimed until their lease ends."""
        ...

    def settle(self, db: Session, results: Collection[Result]) -> None:
        """Store the results of units: finish, retry or dead-letter their jobs."""
        ...

    def settle_failed(self, db: Session, result: Result, error: Exception) -> None:
        """Handle a result that `settle` could not store; its job may stay claimed until its lease ends."""
        ...

    def release(self, db: Session, units: Sequence[Unit]) -> None:
        """Release the jobs of units that were not started."""
        ...

    def interrupted(self, unit: Unit) -> Sequence[Result]:
        """The results to settle for a unit that is still being performed when the worker stops."""
        ...


@dataclass(frozen=True, slots=True)
class JobRunner(Generic[Unit, Result]):
    """Claims, performs and settles the jobs of one dispatcher in this process."""

    dispatcher: Dispatcher[Unit, Result]
    database: Database
    clock: Clock
    ids: Ids
    pool: ThreadPoolExecutor
    grace_s: float = GRACE_S
    _running: dict[Future[Sequence[Result]], Unit] = field(default_factory=dict, init=False)
    _unsettled: deque[Result] = field(default_factory=deque, init=False)
    """Results that are not settled yet; they are kept while the database cannot be reached."""

    def step(self) -> int:
        """Claim what is due, perform it and wait until all of it is settled. Returns the number of claimed jobs."""
        units, claimed = self._exchange(self.dispatcher.options.claimed_at_most)
        for results in self.pool.map(self._perform, units):
            self._unsettled.extend(results)
        self._exchange(0)
        return claimed

    def run(self, stop: threading.Event, pulse: Pulse | None = None) -> None:
        """Claim and perform jobs until `stop` is set; then finish the running units and release the others.

        With nothing to do, it waits for the pulse, or for `IDLE_S` if there is none.
        """
        while not stop.is_set():
            self._gather(stop)
            beats = pulse.beats if pulse else 0
            units, claimed = self._exchange(self.dispatcher.options.claimed_at_most - len(self._running))
            self._running.update({self.pool.submit(self._perform, unit): unit for unit in units})
            if self._unsettled:
                stop.wait(IDLE_S)
            if claimed or self._running or self._unsettled:
                continue
            if pulse:
                pulse.wait(beats)
            else:
                stop.wait(IDLE_S)
        self._finish()

    def _perform(self, unit: Unit) -> Sequence[Result]:
        try:
            return self.dispatcher.perform(unit)
        except Exception:
            log.exception("a job failed unexpectedly; it is claimed again when its lease ends")
            return ()

    def _gather(self, stop: threading.Event) -> None:
        """Wait for a unit to finish, and `gather_s` longer for others; keep their results."""
        if wait(self._running, IDLE_S, FIRST_COMPLETED).done and self.dispatcher.options.gather_s:
            stop.wait(self.dispatcher.options.gather_s)
        for future in [future for future in self._running if future.done()]:
            self._unsettled.extend(future.result())
            del self._running[future]

    def _finish(self) -> None:
        waiting = [self._running.pop(future) for future in list(self._running) if future.cancel()]
        if waiting:
            with self.database.writing.begin() as db:
                self.dispatcher.release(db, waiting)
        wait(self._running, self.grace_s)
        for future, unit in self._running.items():
            self._unsettled.extend(future.result() if future.done() else self.dispatcher.interrupted(unit))
        self._running.clear()
        for _ in range(LAST_TRIES):
            self._exchange(0)

    # -- one transaction: settle what finished, claim what is next

    def _exchange(self, limit: int) -> tuple[Sequence[Unit], int]:
        """Settle, and claim at most `limit` jobs; returns the units to perform and the number of claimed jobs."""
        if self._unsettled and not self.dispatcher.options.settles_together:
            self._settle_one_by_one()
            if self._unsettled:
                return [], 0
        if not self._unsettled and not (limit > 0 and self._anything_due()):
            return [], 0
        try:
            with self.database.writing.begin() as db:
                self.dispatcher.settle(db, self._unsettled)
                claimed = self._claim(db, limit)
        except Exception:
            if not self._unsettled:
                raise
            log.exception("%d results could not be settled together", len(self._unsettled))
            self._settle_one_by_one()
            return [], 0
        self._unsettled.clear()
        return claimed

    def _anything_due(self) -> bool:
        """True if a job is due. It only reads, because on SQLite a claim takes the only write lock."""
        with self.database.reading() as db:
            return outbox.anything_due(db.connection(), self.clock(), self.dispatcher.options.kinds)

    def _claim(self, db: Session, limit: int) -> tuple[Sequence[Unit], int]:
        if limit <= 0:
            return [], 0
        options, token = self.dispatcher.options, self.ids.new_id("lease")
        jobs = outbox.claim(
            db.connection(), now=self.clock(), limit=limit, lease=options.lease, token=token, kinds=options.kinds
        )
        return (self.dispatcher.prepare(db, jobs), len(jobs)) if jobs else ([], 0)

    def _settle_one_by_one(self) -> None:
        """Settle each result in its own transaction, so that one that cannot be settled does not block the others.

        A result whose rows or database were locked too long is kept and goes behind the others. Raises if nothing can
        be written, and keeps all results.
        """
        while self._unsettled:
            result = self._unsettled[0]
            try:
                with self.database.writing.begin() as db:
                    self.dispatcher.settle(db, [result])
            except OperationalError:
                self._unsettled.rotate(-1)
                log.warning("a result could not be settled yet; it is kept", exc_info=True)
                with self.database.writing.begin() as db:
                    db.connection()  # raises if the database cannot be reached
                return
            except Exception as error:
                log.exception("a result could not be settled")
                with self.database.writing.begin() as db:
                    db.connection()
                    self.dispatcher.settle_failed(db, result, error)
            self._unsettled.popleft()
