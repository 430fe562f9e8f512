"""Periodic tasks, at times in cron notation and in the time zone of the setting `TIMEZONE`.

    PeriodicTask("outbox.sweep", "30 3 * * *", sweep)        every night at half past three

With any number of workers, each run of a task is done by one of them. A task that missed several runs, because no
worker was running, is run once. A task that fails is run again after growing gaps. If a worker dies during a task,
another worker runs it after `LEASE`, or after such a gap if that is longer, so a task must be safe to start again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from marketplace_api.backoff import Backoff
from marketplace_api.shop import Ids
from state import schedule

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
RETRIES = Backoff.doubling(timedelta(minutes=1), timedelta(minutes=30), jitter=0.15)
"""The gaps after which a task that failed is run again; meanwhile its times do not count."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A task and its times; `cron` has five fields: minute, hour, day of month, month, day of week.

    The name is stored: a task that gets another name counts as a new one.
    """

    name: str
    cron: str
    run: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Runs periodic tasks in one worker. Any number of workers share the table `schedule`."""

    database: Database
    clock: Clock
    ids: Ids
    timezone: ZoneInfo
    tasks: tuple[PeriodicTask, ...]

    def run_due(self) -> int:
        """Run every task that is due and that no other worker is running; returns how many were run."""
        now = self.clock()
        with self.database.reading() as db:
            rows = {row.name: row for row in schedule.find_all(db.connection())}
        changed = [task for task in self.tasks if task.name not in rows or rows[task.name].cron != task.cron]
        self._register(changed)
        due = [task for task in self.tasks if task.name in rows and rows[task.name].due_at <= now]
        return sum([self._run(task, rows[task.name].attempts + 1) for task in due])

    def next_time(self, cron: str, after: datetime) -> datetime:
        """The first time after `after` that `cron` names in `timezone`, in UTC."""
        return next(CronSim(cron, after.astimezone(self.timezone))).astimezone(UTC)

    def _register(self, tasks: list[PeriodicTask]) -> None:
        """Store tasks that are new or whose `cron` has changed; they are due at their next time."""
        if tasks:
            with self.database.writing.begin() as db:
                now = self.clock()
                next_times = [(task.name, task.cron, self.next_time(task.cron, now)) for task in tasks]
                schedule.register(db.connection(), next_times)

    def _run(self, task: PeriodicTask, attempts: int) -> bool:
        """False if another worker runs it. `attempts` counts the runs since the last that succeeded, this one too."""
        token, lease = self.ids.new_id("lease"), max(LEASE, RETRIES.gap(attempts))
        with self.database.writing.begin() as db:
            if not schedule.claim(db.connection(), task.name, now=self.clock(), lease=lease, token=token):
                return False
        try:
            task.run()
        except Exception as error:
            log.exception("the periodic task %s failed", task.name)
            self._retry(task, token, type(error).__name__, attempts)
        else:
            with self.database.writing.begin() as db:
                now = self.clock()
                next_at = self.next_time(task.cron, now)
                schedule.finish(db.connection(), task.name, token=token, now=now, due_at=next_at)
        return True

    def _retry(self, task: PeriodicTask, token: str, error: str, attempts: int) -> None:
        with self.database.writing.begin() as db:
            now = self.clock()
            due_at = now + RETRIES.gap(attempts, random=self.ids.random)
            schedule.retry(db.connection(), task.name, token=token, due_at=due_at, error=error)
