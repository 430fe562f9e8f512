"""The SQL that a database is asked to run, for tests of what something costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What the engine is given for as long as the block runs."""
    given: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        given.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield given
    finally:
        event.remove(engine, "before_cursor_execute", note)
