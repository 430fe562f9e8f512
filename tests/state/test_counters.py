"""Counters that any number of processes add to."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine

from state import counters
from tests.threads import together

pytestmark = pytest.mark.every_store


def test_counts_add_up_by_name_and_label(conn: Connection) -> None:
    counters.add(conn, {("failed", "busy"): 2, ("failed", "no route"): 1})
    counters.add(conn, {("failed", "busy"): 3})
    counters.add(conn, {})
    assert counters.read(conn) == {("failed", "busy"): 5, ("failed", "no route"): 1}


def test_no_concurrent_count_is_lost(engine: Engine) -> None:
    names = [("a", "1"), ("b", "2"), ("c", "3")]

    def count(worker: int) -> None:
        for turn in range(5):
            with engine.begin() as conn:
                counters.add(conn, dict.fromkeys(names[worker % 3 :] + names[: worker % 3], turn))

    together(4, count)
    with engine.begin() as conn:
        assert counters.read(conn) == dict.fromkeys(names, 4 * 10)
