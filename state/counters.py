"""Counters that all processes add to and no process resets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from state.tables import tally, upsert

STRANGERS = "strangers"
"""The counter of strangers' orders, and of credentials that failed; the label says what it was."""

BACKUPS = "backup made"
"""The name under which it is stored when the last backup was made, in Unix seconds; the label is its folder."""


def add(conn: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to counters, each named by a name and a label. Call it last in a transaction, because it locks their rows."""
    if not counts:
        return
    insert: Any = upsert(conn.dialect.name, tally)
    added = {"count": tally.c.count + insert.excluded.count}
    # sorted, so that no two transactions wait for each other
    rows = [{"name": name, "label": label, "count": count} for (name, label), count in sorted(counts.items())]
    conn.execute(insert.values(rows).on_conflict_do_update(index_elements=["name", "label"], set_=added))


def store(conn: Connection, name: str, values: Mapping[str, int]) -> None:
    """Store the present values of something that is measured now and then, by label. They replace the values before."""
    insert: Any = upsert(conn.dialect.name, tally)
    rows = [{"name": name, "label": label, "count": value} for label, value in sorted(values.items())]
    replaced = {"count": insert.excluded.count}
    conn.execute(insert.values(rows).on_conflict_do_update(index_elements=["name", "label"], set_=replaced))


def read(conn: Connection) -> dict[tuple[str, str], int]:
    """Every counter, by name and label."""
    rows = conn.execute(select(tally.c.name, tally.c.label, tally.c.count))
    return {(name, label): count for name, label, count in rows}
