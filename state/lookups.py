"""Who looked at the texts of a phone: one row each time, so that a person can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from state.tables import lookup

LookedAt = Literal["conversation", "export", "number"]
"""The texts and screens of a phone, everything that is stored of its person, or the whole number."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """At `at`, `by` looked at `what` of a phone. `by` is written as `marketplace_api.actors.Actor`."""

    at: datetime
    by: str
    what: LookedAt


def record(conn: Connection, msisdn: str, what: LookedAt, by: str, now: datetime) -> None:
    """Store that somebody looks at the data of this phone."""
    conn.execute(lookup.insert().values(at=now, by=by, msisdn=msisdn, what=what))


def of_phone(conn: Connection, msisdn: str) -> list[Lookup]:
    """Who looked at the data of a phone, oldest first."""
    rows = select(lookup.c.at, lookup.c.by, lookup.c.what).where(lookup.c.msisdn == msisdn).order_by(lookup.c.seq)
    return [Lookup(*row) for row in conn.execute(rows)]


def sweep(conn: Connection, older_than: datetime, limit: int) -> int:
    """Delete at most `limit` rows from before `older_than`; returns how many."""
    oldest = select(lookup.c.seq).where(lookup.c.at < older_than).order_by(lookup.c.at).limit(limit)
    return conn.execute(lookup.delete().where(lookup.c.seq.in_(oldest))).rowcount
