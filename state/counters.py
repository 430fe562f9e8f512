"""How many of what there were, ever: counters that every process of the shop adds to and none resets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from state.tables import INSERT, tally


def add(conn: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Adds to counters, each of a name and a label. Last in its transaction: others wait for its end to add."""
    if not counts:
        return
    insert: Any = INSERT[conn.dialect.name](tally)
    more = {"count": tally.c.count + insert.excluded.count}
    # in one order, so that no two transactions wait for each other
    rows = [{"name": name, "label": label, "count": count} for (name, label), count in sorted(counts.items())]
    conn.execute(insert.values(rows).on_conflict_do_update(index_elements=["name", "label"], set_=more))


def read(conn: Connection) -> dict[tuple[str, str], int]:
    """Every counter."""
    rows = conn.execute(select(tally.c.name, tally.c.label, tally.c.count))
    return {(name, label): count for name, label, count in rows}
