"""What is to be done again and again: one row a chore, claimed by whichever worker finds it due first.

    for due in schedule.find_all(conn): ...
    if schedule.claim(conn, "orders.expire", now=now, lease=timedelta(minutes=5), token=token):
        ...
        schedule.finish(conn, "orders.expire", token=token, now=now, due_at=its_next_time)

A row knows when its chore is due and nothing of why: whoever claims it says when it is due next. So a chore
whose time passed many times while nobody worked is done once, and then goes on as usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select

from state.tables import insert_new, schedule


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A chore as it stands. `done_at` is None until it was done once; `error` is why it failed the last time."""

    name: str
    cron: str
    due_at: datetime
    done_at: datetime | None
    error: str | None


def find_all(conn: Connection) -> list[ScheduleRow]:
    """Every chore that was ever kept, by name."""
    c = schedule.c
    found = select(c.name, c.cron, c.due_at, c.done_at, c.error).order_by(c.name)
    return [ScheduleRow(*row) for row in conn.execute(found)]


def register(conn: Connection, name: str, cron: str, due_at: datetime) -> None:
    """Keep a chore that is new, or whose hours have changed. For others nothing changes."""
    if not insert_new(conn, schedule, name=name, cron=cron, due_at=due_at):
        changed = schedule.update().where(schedule.c.name == name, schedule.c.cron != cron)
        conn.execute(changed.values(cron=cron, due_at=due_at))


def claim(conn: Connection, name: str, *, now: datetime, lease: timedelta, token: str) -> bool:
    """Hold the chore until `now + lease`; False when it is not due, or another holds it.

    `token` is new with every claim: it tells this holder from the next.
    """
    free = or_(schedule.c.lease_until.is_(None), schedule.c.lease_until <= now)
    due = schedule.update().where(schedule.c.name == name, schedule.c.due_at <= now, free)
    return conn.execute(due.values(lease_until=now + lease, lease_token=token)).rowcount == 1


def finish(conn: Connection, name: str, *, token: str, now: datetime, due_at: datetime) -> bool:
    """It is done, and due again at `due_at`. False if the lease was lost."""
    return _let_go(conn, name, token, done_at=now, due_at=due_at, error=None)


def retry(conn: Connection, name: str, *, token: str, due_at: datetime, error: str) -> bool:
    """It is not done; try again at `due_at`. False if the lease was lost."""
    return _let_go(conn, name, token, due_at=due_at, error=error)


def _let_go(conn: Connection, name: str, token: str, **values: Any) -> bool:
    held = schedule.update().where(schedule.c.name == name, schedule.c.lease_token == token)
    return conn.execute(held.values(lease_until=None, lease_token=None, **values)).rowcount == 1
