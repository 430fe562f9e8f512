"""Rate limits that all workers share: how many sends are allowed now, at a rate per second.

A token bucket that holds the tokens of one second, at least one; stored as the time at which the next is free
(https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): in Redis if there is one, else in the database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, select

from state.tables import insert_new, rate, upsert


class SendRates(Protocol):
    """Token buckets by name, in Redis or SQL."""

    def take(self, conn: Connection, name: str, *, per_second: float, wanted: int, now: datetime) -> int:
        """Take up to `wanted` tokens; returns how many were taken. `conn` is the transaction in which they are used."""
        ...


class SqlRates:
    """Token buckets in the table `rate`. Two transactions that take from one bucket run one after the other."""

    def take(self, conn: Connection, name: str, *, per_second: float, wanted: int, now: datetime) -> int:
        insert_new(conn, rate, name=name, free_at=0.0)
        this_bucket = rate.c.name == name
        free_at: float = conn.execute(select(rate.c.free_at).where(this_bucket).with_for_update()).scalar_one()
        granted, free_at = _taken(free_at, per_second, wanted, now.timestamp())
        conn.execute(rate.update().where(this_bucket).values(free_at=free_at))
        return granted


def probe(conn: Connection) -> None:
    """Write a row that no bucket uses, to find out whether the database takes writes."""
    insert = upsert(conn.dialect.name, rate).values(name="readyz", free_at=0.0)
    conn.execute(insert.on_conflict_do_update(index_elements=[rate.c.name], set_={"free_at": rate.c.free_at + 1}))


def _taken(free_at: float, per_second: float, wanted: int, now: float) -> tuple[int, float]:
    """How many tokens are granted, and when the next is free (Unix seconds)."""
    free_at = max(free_at, now - max(1, 1 / per_second))
    granted = min(wanted, max(0, int((now - free_at) * per_second + _TOLERANCE)))
    return granted, free_at + granted / per_second


_TOLERANCE = 1e-6  # a Unix time, as a float of seconds, has rounding errors of about this size
