"""Processed commands and texts, by key, so that a repeated, concurrent or crashed hop performs each once.

    outcome = processed.begin(conn, key, msisdn, now, gateway_session)
    if outcome is None:
        outcome = perform(...)
        processed.finish(conn, key, outcome, checkpoint)

`begin`, the work and `finish` must be in one transaction, so that all of it is kept or nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, select

from state.tables import insert_new, performed


def begin(
    conn: Connection, key: str, msisdn: str, now: datetime, gateway_session: str | None = None, outcome: bytes = b""
) -> bytes | None:
    """None if this key was not processed before; then do the work. Otherwise the stored outcome.

    An `outcome` that is known already is stored now, and needs no `finish`.

    If two transactions begin the same key, the second waits here until the first has committed or failed.
    """
    first = insert_new(
        conn,
        performed,
        key=key,
        msisdn=msisdn,
        gateway_session=gateway_session,
        outcome=outcome,
        checkpoint=b"",
        at=now,
    )
    return None if first else outcome_of(conn, key)


def outcome_of(conn: Connection, key: str) -> bytes | None:
    """The stored outcome of what was processed under this key; None if nothing was."""
    stored: bytes | None = conn.execute(select(performed.c.outcome).where(performed.c.key == key)).scalar_one_or_none()
    return stored


def finish(conn: Connection, key: str, outcome: bytes, checkpoint: bytes) -> None:
    """Store the outcome, and as `checkpoint` the conversation after it."""
    conn.execute(performed.update().where(performed.c.key == key).values(outcome=outcome, checkpoint=checkpoint))


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
