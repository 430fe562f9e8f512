"""Processed commands and texts, by key, so that a repeated, concurrent or crashed hop performs each once.

    outcome = processed.begin(conn, key, msisdn, now, gateway_session)
    if outcome is None:
        outcome = perform(...)
        processed.finish(conn, key, outcome, checkpoint)

`begin`, the work and `finish` must be in one transaction, so that all of it is kept or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, literal, select
from sqlalchemy.sql.dml import ReturningInsert

from state.tables import insert_new, performed, upsert

_FINISH = performed.update().where(performed.c.key == bindparam("of", type_=performed.c.key.type))


def begin(
    conn: Connection,
    key: str,
    msisdn: str,
    now: datetime,
    gateway_session: str | None = None,
    outcome: bytes = b"",
    former_keys: Sequence[str] = (),
) -> bytes | None:
    """None if this key was not processed before; then do the work. Otherwise the stored outcome.

    An `outcome` that is known already is stored now, and needs no `finish`. What has an outcome under one of
    `former_keys` was processed, too.

    If two transactions begin the same key, the second waits here until the first has committed or failed.
    """
    row = {"key": key, "msisdn": msisdn, "gateway_session": gateway_session, "outcome": outcome, "at": now}
    row["checkpoint"] = b""
    if former_keys:
        former = {f"former_{number}": former for number, former in enumerate(former_keys)}
        statement = _begin_unless_processed(conn.dialect.name, len(former_keys))
        is_first = conn.execute(statement, row | former).first() is not None
    else:
        is_first = insert_new(conn, performed, **row)
    if is_first:
        return None
    stored = select(performed.c.key, performed.c.outcome).where(performed.c.key.in_([key, *former_keys]))
    outcomes: dict[str, bytes] = {row.key: row.outcome for row in conn.execute(stored)}
    return outcomes[key] if key in outcomes else next(filter(None, outcomes.values()))


@cache  # it takes longer to build the statement than to execute it
def _begin_unless_processed(dialect: str, former_keys: int) -> ReturningInsert[Any]:
    """Inserts a row unless one of so many other keys has an outcome: in one statement, because each text pays it."""
    c = performed.c
    names = ["key", "msisdn", "gateway_session", "outcome", "checkpoint", "at"]
    former = [bindparam(f"former_{number}", type_=c.key.type) for number in range(former_keys)]
    is_processed = select(c.seq).where(c.key.in_(former), c.outcome != literal(b"")).exists()
    row = select(*(bindparam(name, type_=c[name].type).label(name) for name in names)).where(~is_processed)
    insert: ReturningInsert[Any] = (
        upsert(dialect, performed).from_select(names, row).on_conflict_do_nothing().returning(*performed.primary_key)
    )
    return insert


def finish(conn: Connection, key: str, outcome: bytes, checkpoint: bytes) -> None:
    """Store the outcome, and as `checkpoint` the conversation after it."""
    conn.execute(_FINISH, {"of": key, "outcome": outcome, "checkpoint": checkpoint})


def sweep(conn: Connection, older_than: datetime, limit: int) -> int:
    """Delete at most `limit` keys that were processed before `older_than`; returns how many."""
    oldest = select(performed.c.seq).where(performed.c.at < older_than).order_by(performed.c.at).limit(limit)
    return conn.execute(performed.delete().where(performed.c.seq.in_(oldest))).rowcount


def has_older(conn: Connection, gateway_session: str, msisdn: str, before: datetime) -> bool:
    """True if a gateway session of a phone has performed something before this time."""
    return conn.execute(older(gateway_session, msisdn, before).limit(1)).first() is not None


def older(
    gateway_session: str | BindParameter[str], msisdn: str | BindParameter[str], before: datetime | BindParameter[Any]
) -> Select[int]:
    """What a gateway session of a phone has performed before this time."""
    c = performed.c
    return select(c.seq).where(c.gateway_session == gateway_session, c.msisdn == msisdn, c.at < before)


def last_checkpoint(conn: Connection, gateway_session: str, msisdn: str, since: datetime) -> bytes | None:
    """The conversation after the last command of a phone's gateway session since a time, or None."""
    c = performed.c
    newest_first = (
        select(c.checkpoint)
        .where(c.gateway_session == gateway_session, c.msisdn == msisdn, c.at >= since)
        .order_by(performed.c.seq.desc())
    )
    return conn.execute(newest_first.limit(1)).scalar_one_or_none()
