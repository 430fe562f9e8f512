"""The schedule of periodic tasks: one row for each task, claimed by the first worker that finds it due.

    for due in schedule.find_all(conn): ...
    if schedule.claim(conn, "orders.expire", now=now, lease=timedelta(minutes=5), token=token):
        ...
        schedule.finish(conn, "orders.expire", token=token, now=now, due_at=its_next_time)

A row says when its task is due next. The worker that claims it sets the next time, so a task that was due several times
while no worker ran is run once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, or_, select

from state.tables import schedule, upsert


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A stored task. `done_at` is None until the first run succeeded; `error` says why the last run failed.

    `attempts` counts the runs that were begun since the last one that succeeded.
    """

    name: str
    cron: str
    due_at: datetime
    done_at: datetime | None
    error: str | None
    attempts: int


def find_all(conn: Connection) -> list[ScheduleRow]:
    """Every registered task, in the order of names."""
    c = schedule.c
    found = select(c.name, c.cron, c.due_at, c.done_at, c.error, c.attempts).order_by(c.name)
    return [ScheduleRow(*row) for row in conn.execute(found)]


def register(conn: Connection, tasks: Iterable[tuple[str, str, datetime]]) -> None:
    """Store the tasks that are new or whose cron expression changed; each is given with its name, cron and next time.

    Other tasks stay as they are.
    """
    name: BindParameter[str] = bindparam("task")
    cron: BindParameter[str] = bindparam("new_cron")
    due_at: BindParameter[datetime] = bindparam("new_due_at")
    new = upsert(conn.dialect.name, schedule).values(name=name, cron=cron, due_at=due_at).on_conflict_do_nothing()
    changed = schedule.update().where(schedule.c.name == name, schedule.c.cron != cron)
    rows = [dict(zip(("task", "new_cron", "new_due_at"), task, strict=True)) for task in tasks]
    conn.execute(new, rows)
    conn.execute(changed.values(cron=cron, due_at=due_at), rows)


def claim(conn: Connection, name: str, *, now: datetime, lease: timedelta, token: str) -> bool:
    """Claim the task until `now + lease`; False if it is not due or another worker has claimed it.

    `token` must be new for every claim; it distinguishes this claim from the next one.
    """
    not_leased = or_(schedule.c.lease_until.is_(None), schedule.c.lease_until <= now)
    due = schedule.update().where(schedule.c.name == name, schedule.c.due_at <= now, not_leased)
    claimed = due.values(lease_until=now + lease, lease_token=token, attempts=schedule.c.attempts + 1)
    return conn.execute(claimed).rowcount == 1


def finish(conn: Connection, name: str, *, token: str, now: datetime, due_at: datetime) -> bool:
    """Store that the task is done and due again at `due_at`. False if the lease was lost."""
    return _release(conn, name, token, done_at=now, due_at=due_at, error=None, attempts=0)


def retry(conn: Connection, name: str, *, token: str, due_at: datetime, error: str) -> bool:
    """Store that the task failed and is due again at `due_at`. False if the lease was lost."""
    return _release(conn, name, token, due_at=due_at, error=error)


def _release(conn: Connection, name: str, token: str, **values: Any) -> bool:
    held = schedule.update().where(schedule.c.name == name, schedule.c.lease_token == token)
    return conn.execute(held.values(lease_until=None, lease_token=None, **values)).rowcount == 1
