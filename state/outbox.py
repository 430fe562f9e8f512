"""The outbox: jobs added in a transaction and run after its commit, claimed by workers under a lease.

When a worker dies its lease expires. The next worker claims the job under a new token, and from then on the first one
can no longer finish it. Jobs with the same ordering key run one at a time: those of higher priority first, and those of
one priority in the order they were added. So a reply never waits for a notification that is being retried.

    outbox.add(conn, kind="sms", ordering_key=msisdn, key="msg_7", payload={"message": "msg_7"}, due_at=now, now=now)
    for job in outbox.claim(conn, now=now, limit=50, lease=timedelta(minutes=1), token=new_token()):
        ...
        outbox.finish(conn, job, now=now)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
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
from sqlalchemy.sql.dml import ReturningUpdate

from state.tables import insert_new, outbox


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `attempts` includes this claim; `token` identifies the claim that holds it.

    `polls` counts how often the job ran and found that it has to ask again: see `poll_again`.
    """

    id: int
    kind: str
    ordering_key: str | None
    priority: int
    payload: dict[str, Any]
    key: str
    due_at: datetime
    attempts: int
    polls: int
    created_at: datetime
    token: str


@dataclass(frozen=True, slots=True)
class Depth:
    """Counts of jobs: unfinished, due among them (with the earliest due time), and dead-lettered."""

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
    ordering_key: str | None,
    due_at: datetime,
    now: datetime,
    priority: int = 0,
) -> bool:
    """Add a job; False if its key was ever added before. Jobs of higher priority are claimed first.

    A job blocks later jobs with its ordering key from now on, not from `due_at`. So a job that is due much later
    must have no ordering key.
    """
    return insert_new(
        conn,
        outbox,
        kind=kind,
        payload=_packed(payload),
        key=key,
        ordering_key=ordering_key,
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
    """Claim up to `limit` due jobs until `now + lease`, in order of priority.

    `token` must be new for every claim; it distinguishes this claim from the next one of the same job.
    """
    values = {"now": now, "until": now + lease, "token": token, "most": limit}
    jobs = [_job(row) for row in conn.execute(_claim_statement(_key(kinds)), values)]
    return sorted(jobs, key=lambda job: (-job.priority, job.due_at, job.id))


def anything_due(conn: Connection, now: datetime, kinds: Collection[str] | None = None) -> bool:
    """True if `claim` would find a job. Only reads, so it takes no write lock."""
    return bool(conn.scalar(_anything_due_statement(_key(kinds)), {"now": now}))


def finish(conn: Connection, job: Job, *, now: datetime) -> bool:
    """Finish the job: its key is kept, its payload is deleted. False if the lease was lost."""
    return _release(conn, job, done_at=now, payload="{}", error=None)


def finish_all(conn: Connection, jobs: Iterable[Job], *, now: datetime) -> None:
    """Finish many jobs in one statement. A job whose lease was lost is not changed."""
    if rows := [{"held": job.id, "token": job.token, "now": now} for job in jobs]:
        conn.execute(_FINISH_ALL, rows)


def retry(conn: Connection, job: Job, *, due_at: datetime, error: str) -> bool:
    """Run the job again at `due_at`, because the attempt failed. False if the lease was lost."""
    return _release(conn, job, due_at=due_at, error=error)


def dead_letter(conn: Connection, job: Job, *, now: datetime, error: str) -> bool:
    """Give the job up; the next job with its ordering key may run. False if the lease was lost."""
    return _release(conn, job, dead_at=now, error=error)


def finish_dead(conn: Connection, *, kind: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Finish the dead-lettered jobs with this payload, because another job now does their work. Their keys are kept."""
    dead = outbox.update().where(outbox.c.dead_at.is_not(None), outbox.c.kind == kind)
    same = dead.where(outbox.c.payload == _packed(payload))
    conn.execute(same.values(dead_at=None, done_at=now, payload="{}", error=None))


def release(conn: Connection, jobs: Iterable[Job]) -> None:
    """Give up the claim on jobs that were not started: attempts are counted as before the claim."""
    for job in jobs:
        _release(conn, job, attempts=outbox.c.attempts - 1)


def postpone(conn: Connection, job: Job, *, due_at: datetime, error: str | None) -> bool:
    """Run the job at `due_at` without counting this attempt. False if the lease was lost."""
    return _release(conn, job, due_at=due_at, error=error, attempts=outbox.c.attempts - 1)


def poll_again(conn: Connection, job: Job, *, due_at: datetime, error: str | None) -> bool:
    """Run the job at `due_at`, and count one more poll instead of this attempt. False if the lease was lost.

    For a job that asks again and again until something happens: its gaps grow with `polls`, and it never fails by them.
    """
    counted = {"attempts": outbox.c.attempts - 1, "polls": outbox.c.polls + 1}
    return _release(conn, job, due_at=due_at, error=error, **counted)


def has_unfinished(conn: Connection, ordering_key: str) -> bool:
    """True if a job with this ordering key, due or not, is neither finished nor dead."""
    unfinished = select(outbox.c.id).where(_is_live_in(outbox, ordering_key))
    return bool(conn.scalar(select(unfinished.exists())))


def run_now(conn: Connection, ordering_key: str, *, due_at: datetime) -> None:
    """Make the waiting jobs with this ordering key due at `due_at` at the latest."""
    later = outbox.c.due_at > due_at
    conn.execute(
        outbox.update().where(_is_live(outbox), outbox.c.ordering_key == ordering_key, later).values(due_at=due_at)
    )


def depth(conn: Connection, now: datetime) -> Depth:
    """The current counts of the outbox."""
    due = outbox.c.due_at <= now
    dead = select(func.count()).where(outbox.c.dead_at.is_not(None)).scalar_subquery()
    oldest = func.min(outbox.c.due_at).filter(due)
    counts = select(func.count(), func.count().filter(due), oldest, dead).where(_is_live(outbox))
    return Depth(*conn.execute(counts).one())


def sweep(conn: Connection, older_than: datetime) -> int:
    """Delete jobs that were finished before `older_than`, with their keys; returns how many."""
    return conn.execute(outbox.delete().where(outbox.c.done_at < older_than)).rowcount


# -- the statements that a worker executes all the time: each is made once, a claim for each set of kinds


def _key(kinds: Collection[str] | None) -> frozenset[str] | None:
    return None if kinds is None else frozenset(kinds)


@cache
def _claim_statement(kinds: frozenset[str] | None) -> ReturningUpdate[Any]:
    urgent_first = outbox.c.priority.desc(), outbox.c.due_at, outbox.c.id
    most = bindparam("most", type_=Integer)
    locked = _claimable(kinds).order_by(*urgent_first).limit(most).with_for_update(skip_locked=True)
    # As a CTE it runs once; as a plain subquery PostgreSQL may run it again for every row, past the limit.
    due = locked.cte("due")
    values: dict[str, Any] = {
        "lease_until": bindparam("until"),
        "lease_token": bindparam("token"),
        "attempts": outbox.c.attempts + 1,
    }
    return outbox.update().where(outbox.c.id.in_(select(due.c.id))).values(values).returning(outbox)


@cache
def _anything_due_statement(kinds: frozenset[str] | None) -> Select[bool]:
    return select(exists(_claimable(kinds)))


_NOW = bindparam("now", type_=outbox.c.due_at.type)


_HELD = outbox.update().where(outbox.c.id == bindparam("held"), outbox.c.lease_token == bindparam("token"))
_FINISH_ALL = _HELD.values(lease_until=None, lease_token=None, done_at=_NOW, payload="{}", error=None)


def _claimable(kinds: frozenset[str] | None) -> Select[int]:
    not_leased = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= _NOW)
    wanted = true() if kinds is None else outbox.c.kind.in_(sorted(kinds))
    # Because of the OR, PostgreSQL looks up each job's ordering key in the index. Without it the planner may choose an
    # anti-join of the outbox with itself, based on old statistics, and compare each claimed job with every other job.
    is_next = or_(outbox.c.ordering_key.is_(None), ~_is_blocked())
    return select(outbox.c.id).where(_is_live(outbox), outbox.c.due_at <= _NOW, not_leased, wanted, is_next)


def _is_blocked() -> ColumnElement[bool]:
    """Condition: another job with the same ordering key comes first or is claimed."""
    other = outbox.alias("other")
    # Ids are assigned before commit, so the claimed one may have the higher id.
    first = or_(
        other.c.priority > outbox.c.priority,
        and_(other.c.priority == outbox.c.priority, other.c.id < outbox.c.id),
        other.c.lease_until > _NOW,
    )
    return exists().where(_is_live_in(other, outbox.c.ordering_key), other.c.id != outbox.c.id, first)


def _is_live_in(job: FromClause, ordering_key: str | ColumnElement[str | None]) -> ColumnElement[bool]:
    """Condition: a live job with that ordering key. With `coalesce`, only the index `outbox_lane` fits it."""
    return and_(job.c.ordering_key == ordering_key, func.coalesce(job.c.done_at, job.c.dead_at).is_(None))


def _is_live(job: FromClause) -> ColumnElement[bool]:
    return and_(job.c.done_at.is_(None), job.c.dead_at.is_(None))


def _packed(payload: Mapping[str, Any]) -> str:
    return msgspec.json.encode(payload).decode()


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        ordering_key=row.lane,
        priority=row.priority,
        payload=msgspec.json.decode(row.payload),
        key=row.key,
        due_at=row.due_at,
        attempts=row.attempts,
        polls=row.polls,
        created_at=row.created_at,
        token=row.lease_token,
    )


def _release(conn: Connection, job: Job, **values: Any) -> bool:
    held = outbox.update().where(outbox.c.id == job.id, outbox.c.lease_token == job.token)
    return conn.execute(held.values(lease_until=None, lease_token=None, **values)).rowcount == 1
