"""How many hops came to each state of each dialogue, day by day. No name and no number is in it.

add(conn, [Counted(date(2026, 12, 1), "ussd", "sell", "price", "sw", "refused", 3)])
read(conn, date(2026, 11, 25), date(2026, 12, 1))
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, select

from state.tables import dialogue_count, upsert

HOPS, HOP_S, HOP_MS = "hop", "hop_s", "hop_ms"
"""Counters: of hops, by channel, dialogue, state and outcome; of the times of calls' hops, by bucket; of their sum."""
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The upper bounds of the buckets of times. Networks end a call whose answer takes more than a few seconds."""

_PLACE = (dialogue_count.c.channel, dialogue_count.c.dialogue, dialogue_count.c.state, dialogue_count.c.language)
_KEY = ("day", "channel", "dialogue", "state", "language", "outcome")


class Counted(NamedTuple):
    """The hops of a day (UTC) with one outcome at one state; `language` is a code such as `sw`."""

    day: date
    channel: str
    dialogue: str
    state: str
    language: str
    outcome: str
    hops: int


class Total(NamedTuple):
    """The hops of a span with one outcome at one state."""

    channel: str
    dialogue: str
    state: str
    language: str
    outcome: str
    hops: int


def add(conn: Connection, counted: Sequence[Counted]) -> None:
    """Add to the counts of the days."""
    if not counted:
        return
    insert: Any = upsert(conn.dialect.name, dialogue_count)
    added = {"count": dialogue_count.c.count + insert.excluded.count}
    # sorted, so that no two transactions wait for each other
    rows = [dict(zip((*_KEY, "count"), row, strict=True)) for row in sorted(counted)]
    conn.execute(insert.on_conflict_do_update(index_elements=list(_KEY), set_=added), rows)


def read(conn: Connection, first: date, last: date) -> Sequence[Total]:
    """The sums of the days from `first` to `last`, by state and outcome."""
    total = func.sum(dialogue_count.c.count)
    found = (
        select(*_PLACE, dialogue_count.c.outcome, total)
        .where(dialogue_count.c.day.between(first, last))
        .group_by(*_PLACE, dialogue_count.c.outcome)
        .order_by(*_PLACE, dialogue_count.c.outcome)
    )
    return [Total(*row[:-1], int(row[-1])) for row in conn.execute(found)]


def sweep(conn: Connection, before: date) -> None:
    """Delete the counts of the days before `before`."""
    conn.execute(delete(dialogue_count).where(dialogue_count.c.day < before))
