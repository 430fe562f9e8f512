"""Reads that must all see the same state of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from marketplace_api.rest.access import shop
from marketplace_api.shop import Shop


@contextmanager
def snapshot() -> Iterator[Shop]:
    """The shop of this request in a transaction of its own, whose reads see one state of the database.

    On PostgreSQL a statement otherwise sees what was committed since the one before it.
    """
    engine = shop().session.get_bind().engine
    options: dict[str, Any] = {"read_only": True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with Session(engine.execution_options(**options)) as session:
        yield replace(shop(), session=session)
