"""Cursors: everything in a stream is read once, however many read."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine

from state import cursor
from tests.threads import together

pytestmark = pytest.mark.every_store


def test_a_cursor_starts_at_0_and_keeps_its_position(conn: Connection) -> None:
    assert cursor.read_for_update(conn, "follower") == 0
    cursor.move(conn, "follower", 2**40)
    assert cursor.read_for_update(conn, "follower") == 2**40
    assert cursor.read_for_update(conn, "webhooks") == 0


def test_a_cursor_that_was_never_moved_is_not_the_same_as_position_0(conn: Connection) -> None:
    assert cursor.find(conn, "follower") is None
    cursor.read_for_update(conn, "follower")
    assert cursor.find(conn, "follower") == 0
    cursor.move(conn, "follower", 7)
    assert cursor.find(conn, "follower") == 7


def test_concurrent_readers_take_turns(engine: Engine) -> None:
    def read_one(_: int) -> int:
        with engine.begin() as conn:
            position = cursor.read_for_update(conn, "follower")
            cursor.move(conn, "follower", position + 1)
            return position

    assert sorted(together(6, read_one)) == list(range(6))
