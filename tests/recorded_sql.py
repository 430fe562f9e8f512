"""Records the SQL statements of an engine, for tests that count them, and asks SQLite how it runs them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

_RESULT = re.compile(r"SCAN (CONSTANT ROW|\(subquery|anon_)")
"""The scan of what another step of the same statement has found."""


@contextmanager
def recorded_sql(engine: Engine) -> Iterator[list[str]]:
    """Every statement that the engine runs while the block runs, in order."""
    statements: list[str] = []

    def record(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", record)


def full_scans(conn: Connection, statements: Iterable[str]) -> dict[str, list[str]]:
    """The steps of each statement in which SQLite would read a whole table or a whole index."""
    scans = {}
    for statement in statements:
        if re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?"))
            steps = [row[3] for row in plan if row[3].startswith("SCAN") and not _RESULT.match(row[3])]
            scans |= {statement: steps} if steps else {}
    return scans
