"""Records the SQL statements of an engine, for tests that count them, and asks SQLite how it runs them."""

from __future__ import annotations

import re
from collections import Counter
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


@contextmanager
def counted_steps(engine: Engine) -> Iterator[Counter[str]]:
    """How many steps SQLite's virtual machine takes for each statement while the block runs.

    They grow with the rows that are read. Unlike times, they are the same in each run and on each machine.
    """
    steps, running, drivers = Counter[str](), "", list[Any]()

    def count() -> None:
        steps[running] += 1

    def watch(conn: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal running
        running, driver = statement, conn.connection.dbapi_connection
        if driver not in drivers:
            drivers.append(driver)
            driver.set_progress_handler(count, 1)

    event.listen(engine, "before_cursor_execute", watch)
    try:
        yield steps
    finally:
        event.remove(engine, "before_cursor_execute", watch)
        for driver in drivers:
            driver.set_progress_handler(None, 1)


def full_scans(conn: Connection, statements: Iterable[str]) -> dict[str, list[str]]:
    """The steps of each statement in which SQLite would read a whole table or a whole index."""
    scans = {}
    for statement in statements:
        if re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?"))
            steps = [row[3] for row in plan if row[3].startswith("SCAN") and not _RESULT.match(row[3])]
            scans |= {statement: steps} if steps else {}
    return scans
