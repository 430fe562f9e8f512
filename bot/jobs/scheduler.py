"""What is done again and again, at hours told as cron tells them, by the clock of `TIMEZONE`.

    Chore("outbox.sweep", "30 3 * * *", sweep)        every night at half past three

However many workers there are, a chore is done by one of them each time; one that was missed many times is done once.
Whoever is killed while doing it is followed by another after `LEASE`, so a chore must bear to be begun again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from cronsim import CronSim

from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from bot.services import Services
from marketplace_api.events import webhooks
from marketplace_api.orders import deadlines
from marketplace_api.payments import ledger
from marketplace_api.shop import Ids, Shop
from state import delivery_reports, outbox, schedule
from state.sql_sessions import SqlSessions

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
AGAIN = timedelta(minutes=5)
"""How soon a chore that failed is tried again, unless its next hour is sooner."""
SILENT = timedelta(hours=1)
"""How long a report may take on its way."""
KEPT = timedelta(days=14)
"""How long a finished job and its key are known: longer than any provider repeats itself."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """`cron` has five fields: minute, hour, day of month, month, day of week."""

    name: str
    cron: str
    do: Callable[[], object]


def table(services: Services) -> tuple[PeriodicTask, ...]:
    """Every chore of this shop. A new one is a line here; it asks the house for the time when it is done."""
    return (
        PeriodicTask("orders.expire", "*/5 * * * *", partial(_of_the_shop, services, deadlines.expire_offers)),
        PeriodicTask("orders.remind", "0 9 * * *", partial(_of_the_shop, services, deadlines.send_reminders)),
        PeriodicTask("texts.unknown", "* * * * *", partial(_settle_unknown, services)),
        PeriodicTask("ledger.checkpoint", "15 3 * * *", partial(_of_the_shop, services, ledger.checkpoint)),
        PeriodicTask("outbox.sweep", "30 3 * * *", partial(_sweep, services)),
        PeriodicTask("sessions.sweep", "45 3 * * *", partial(_sweep_sessions, services)),
        PeriodicTask("webhooks.sweep", "0 4 * * *", partial(_of_the_shop, services, webhooks.delete_old_deliveries)),
    )


def _of_the_shop(services: Services, some: Callable[[Shop], int]) -> None:
    """Does for the shop what time asks for, some of it at once until nothing is left."""
    while True:
        with services.database.writing.begin() as db:
            if not some(services.shop(db)):
                return


def _settle_unknown(services: Services) -> None:
    """What no report has told of for `SILENT` is for an operator to look at: `GET /messages?status=unknown`."""
    with services.database.writing.begin() as db:
        ids = delivery_reports.settle_unknown(db.connection(), services.clock() - SILENT)
    if ids:
        log.error("nobody can say whether these texts left", extra={"message_ids": ids})


def _sweep(services: Services) -> None:
    """Forgets what nobody asks about any more."""
    before = services.clock() - KEPT
    with services.database.writing.begin() as db:
        outbox.sweep(db.connection(), before)
        delivery_reports.sweep(db.connection(), before)


def _sweep_sessions(services: Services) -> None:
    """Redis forgets by itself."""
    if isinstance(services.sessions, SqlSessions):
        services.sessions.sweep(services.clock().timestamp())


@dataclass(frozen=True, slots=True)
class Scheduler:
    """The chores as one worker does them. Any number of workers share the rows."""

    database: Database
    clock: Clock
    ids: Ids
    timezone: ZoneInfo
    table: tuple[PeriodicTask, ...]

    def do_due(self) -> int:
        """Does every chore that is due and that nobody else is doing; how many those were."""
        now = self.clock()
        with self.database.reading() as db:
            kept = {row.name: row for row in schedule.find_all(db.connection())}
        self._keep([chore for chore in self.table if chore.name not in kept or kept[chore.name].cron != chore.cron])
        due = [chore for chore in self.table if chore.name in kept and kept[chore.name].due_at <= now]
        return sum([self._do(chore) for chore in due])

    def next_time(self, cron: str, after: datetime) -> datetime:
        """The first time after `after` that `cron` names, by the clock of the place."""
        return next(CronSim(cron, after.astimezone(self.timezone))).astimezone(UTC)

    def _keep(self, chores: list[PeriodicTask]) -> None:
        if chores:
            with self.database.writing.begin() as db:
                for chore in chores:
                    schedule.register(db.connection(), chore.name, chore.cron, self.next_time(chore.cron, self.clock()))

    def _do(self, chore: PeriodicTask) -> bool:
        token = self.ids.new_id("lease")
        with self.database.writing.begin() as db:
            if not schedule.claim(db.connection(), chore.name, now=self.clock(), lease=LEASE, token=token):
                return False
        try:
            chore.do()
        except Exception as error:
            log.exception("the chore %s failed", chore.name)
            self._failed(chore, token, type(error).__name__)
        else:
            with self.database.writing.begin() as db:
                now = self.clock()
                next_at = self.next_time(chore.cron, now)
                schedule.finish(db.connection(), chore.name, token=token, now=now, due_at=next_at)
        return True

    def _failed(self, chore: PeriodicTask, token: str, error: str) -> None:
        with self.database.writing.begin() as db:
            now = self.clock()
            again_at = min(now + AGAIN, self.next_time(chore.cron, now))
            schedule.retry(db.connection(), chore.name, token=token, due_at=again_at, error=error)


def build(services: Services) -> Scheduler:
    """The chores of this shop, for a worker."""
    return Scheduler(
        services.database, services.clock, services.ids, ZoneInfo(services.settings.timezone), table(services)
    )
