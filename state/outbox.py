"""What must leave us after commit: jobs, claimed by workers under a lease.

A worker that dies lets its lease run out; the next one claims the job under a token of its own, and from
then on the first can no longer finish it. Jobs of one lane leave one at a time: the urgent first, and those of one
priority in the order they were added. So an answer is never kept waiting by news that backs off.

    outbox.add(conn, kind="sms", lane=msisdn, key="msg_7", payload={"message": "msg_7"}, due_at=now, now=now)
    for job in outbox.claim(conn, now=now, limit=50, lease=timedelta(minutes=1), token=new_token()):
        ...
        outbox.done(conn, job, now=now)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
)

from state.tables import insert_new, outbox


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `attempts` counts this claim too, and `token` is what it is held by."""

    id: int
    kind: str
    lane: str | None
    priority: int
    payload: dict[str, Any]
    key: str
    due_at: datetime
    attempts: int
    created_at: datetime
    token: str


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs are not finished, how many of them are due and since when, and how many are dead."""

    waiting: int
    due: int
    oldest_due_at: datetime | None
    dead: int


def add(
    conn: Connection,
    *,
    kind: str,
    payload: Mapping[str, Any],
    key: str,
    lane: str | None,
    due_at: datetime,
    now: datetime,
    priority: int = 0,
) -> bool:
    """Add a job; False if its key was ever added before. A higher priority leaves earlier.

    A job keeps its lane waiting from now on, not from `due_at`: what is to leave much later takes no lane.
    """
    return insert_new(
        conn,
        outbox,
        kind=kind,
        payload=_packed(payload),
        key=key,
        lane=lane,
        due_at=due_at,
        created_at=now,
        priority=priority,
    )


def claim(
    conn: Connection,
    *,
    now: datetime,
    limit: int,
    lease: timedelta,
    token: str,
    kinds: Collection[str] | None = None,
) -> list[Job]:
    """Hold up to `limit` due jobs until `now + lease`, the most urgent first.

    `token` is new with every claim: it tells this holder from the next.
    """
    urgent_first = outbox.c.priority.desc(), outbox.c.due_at, outbox.c.id
    locked = _claimable(now, kinds).order_by(*urgent_first).limit(limit).with_for_update(skip_locked=True)
    # As a CTE it runs once; as a plain subquery PostgreSQL may run it again for every row, past the limit.
    due = locked.cte("due")
    taken = (
        outbox.update()
        .where(outbox.c.id.in_(select(due.c.id)))
        .values(lease_until=now + lease, lease_token=token, attempts=outbox.c.attempts + 1)
        .returning(outbox)
    )
    jobs = [_job(row) for row in conn.execute(taken)]
    return sorted(jobs, key=lambda job: (-job.priority, job.due_at, job.id))


def anything_due(conn: Connection, now: datetime, kinds: Collection[str] | None = None) -> bool:
    """Whether `claim` would find something; asked without writing."""
    return bool(conn.execute(select(exists(_claimable(now, kinds)))).scalar())


def done(conn: Connection, job: Job, *, now: datetime) -> bool:
    """The job is finished: its key stays known, its payload is forgotten. False if the lease was lost."""
    return _let_go(conn, job, done_at=now, payload="{}", error=None)


def all_done(conn: Connection, jobs: Iterable[Job], *, now: datetime) -> None:
    """As `done`, for many at once; those whose lease was lost are left alone."""
    held = outbox.update().where(outbox.c.id == bindparam("held"), outbox.c.lease_token == bindparam("token"))
    finished = held.values(lease_until=None, lease_token=None, done_at=now, payload="{}", error=None)
    if rows := [{"held": job.id, "token": job.token} for job in jobs]:
        conn.execute(finished, rows)


def retry(conn: Connection, job: Job, *, due_at: datetime, error: str) -> bool:
    """The attempt failed; try again at `due_at`. False if the lease was lost."""
    return _let_go(conn, job, due_at=due_at, error=error)


def bury(conn: Connection, job: Job, *, now: datetime, error: str) -> bool:
    """The job failed for good; its lane goes on without it. False if the lease was lost."""
    return _let_go(conn, job, dead_at=now, error=error)


def replaced(conn: Connection, *, kind: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Another job does what buried ones with this payload did not: they are done, and their keys stay known."""
    buried = outbox.update().where(outbox.c.dead_at.is_not(None), outbox.c.kind == kind)
    same = buried.where(outbox.c.payload == _packed(payload))
    conn.execute(same.values(dead_at=None, done_at=now, payload="{}", error=None))


def release(conn: Connection, jobs: Iterable[Job]) -> None:
    """Give back jobs that were claimed and not begun, as if they had not been claimed."""
    for job in jobs:
        _let_go(conn, job, attempts=outbox.c.attempts - 1)


def postpone(conn: Connection, job: Job, *, due_at: datetime, error: str | None) -> bool:
    """Not yet: as `release`, but due at `due_at`. False if the lease was lost."""
    return _let_go(conn, job, due_at=due_at, error=error, attempts=outbox.c.attempts - 1)


def is_waiting(conn: Connection, lane: str) -> bool:
    """Whether a job of this lane is not finished, be it due or not."""
    mine = select(outbox.c.id).where(_keeps_waiting(outbox, lane))
    return bool(conn.scalar(select(mine.exists())))


def hasten(conn: Connection, lane: str, *, due_at: datetime) -> None:
    """Let what waits in a lane for a later time be due then."""
    later = outbox.c.due_at > due_at
    conn.execute(outbox.update().where(_is_live(outbox), outbox.c.lane == lane, later).values(due_at=due_at))


def depth(conn: Connection, now: datetime) -> Depth:
    """The outbox as it stands."""
    due = outbox.c.due_at <= now
    dead = select(func.count()).where(outbox.c.dead_at.is_not(None)).scalar_subquery()
    oldest = func.min(outbox.c.due_at).filter(due)
    counts = select(func.count(), func.count().filter(due), oldest, dead).where(_is_live(outbox))
    return Depth(*conn.execute(counts).one())


def sweep(conn: Connection, older_than: datetime) -> int:
    """Forget jobs done before then, and their keys; how many that were."""
    return conn.execute(outbox.delete().where(outbox.c.done_at < older_than)).rowcount


def _claimable(now: datetime, kinds: Collection[str] | None) -> Select[int]:
    free = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now)
    wanted = true() if kinds is None else outbox.c.kind.in_(kinds)
    # Below an OR PostgreSQL looks into each job's lane. Else it would join the outbox with itself, by what it remembers
    # of an outbox that may have filled since, and compare each job that is claimed with every other.
    its_turn = or_(outbox.c.lane.is_(None), ~_lane_is_taken(now))
    return select(outbox.c.id).where(_is_live(outbox), outbox.c.due_at <= now, free, wanted, its_turn)


def _lane_is_taken(now: datetime) -> ColumnElement[bool]:
    """Another job of the lane comes first, or is out."""
    other = outbox.alias("other")
    # Ids are given before commit, so one that is out may well have the higher id.
    first = or_(
        other.c.priority > outbox.c.priority,
        and_(other.c.priority == outbox.c.priority, other.c.id < outbox.c.id),
        other.c.lease_until > now,
    )
    return exists().where(_keeps_waiting(other, outbox.c.lane), other.c.id != outbox.c.id, first)


def _keeps_waiting(job: FromClause, lane: str | ColumnElement[str | None]) -> ColumnElement[bool]:
    """It is a live job of that lane, said as only the index by lane says it: no other can be taken instead."""
    return and_(job.c.lane == lane, func.coalesce(job.c.done_at, job.c.dead_at).is_(None))


def _is_live(job: FromClause) -> ColumnElement[bool]:
    return and_(job.c.done_at.is_(None), job.c.dead_at.is_(None))


def _packed(payload: Mapping[str, Any]) -> str:
    return msgspec.json.encode(payload).decode()


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        lane=row.lane,
        priority=row.priority,
        payload=msgspec.json.decode(row.payload),
        key=row.key,
        due_at=row.due_at,
        attempts=row.attempts,
        created_at=row.created_at,
        token=row.lease_token,
    )


def _let_go(conn: Connection, job: Job, **values: Any) -> bool:
    held = outbox.update().where(outbox.c.id == job.id, outbox.c.lease_token == job.token)
    return conn.execute(held.values(lease_until=None, lease_token=None, **values)).rowcount == 1
