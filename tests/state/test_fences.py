"""Fences: a transaction with an old number is refused, and what was kept is found by the next holder."""

from __future__ import annotations

from threading import Event

import pytest
from sqlalchemy import Connection, Engine

from state import fences
from tests.threads import LIMIT_S, together

pytestmark = pytest.mark.every_store

AMINA, JUMA = "+254711000001", "+254711000002"


def test_a_number_holds_until_it_is_raised(conn: Connection) -> None:
    assert fences.hold(conn, AMINA, 0)
    assert fences.raise_number(conn, AMINA) == 1
    assert [fences.hold(conn, AMINA, number) for number in (0, 1, 2)] == [False, True, False]
    assert fences.hold(conn, JUMA, 0)


def test_a_number_that_is_raised_before_the_first_transaction_bars_it(conn: Connection) -> None:
    assert fences.raise_number(conn, AMINA) == 1
    assert not fences.hold(conn, AMINA, 0)


def test_a_document_is_kept_with_the_next_number(conn: Connection) -> None:
    assert fences.keep(conn, AMINA, 0, b"{}", "first")
    assert not fences.keep(conn, AMINA, 0, b"late", "slow")
    assert [fences.hold(conn, AMINA, number) for number in (0, 1)] == [False, True]


def test_what_the_holder_before_has_kept_is_inherited_and_nothing_else(conn: Connection) -> None:
    assert fences.inherit(conn, AMINA, "first", "second") is None
    fences.hold(conn, AMINA, 0)
    fences.keep(conn, AMINA, 0, b"{}", "first")
    assert fences.inherit(conn, AMINA, "another", "second") is None
    assert fences.inherit(conn, JUMA, "first", "second") is None
    assert fences.inherit(conn, AMINA, "first", "second") == b"{}"
    assert fences.inherit(conn, AMINA, "first", "third") is None


def test_what_was_inherited_is_inherited_from_the_heir_who_died_too(conn: Connection) -> None:
    fences.hold(conn, AMINA, 0)
    fences.keep(conn, AMINA, 0, b"{}", "first")
    fences.inherit(conn, AMINA, "first", "second")
    assert fences.inherit(conn, AMINA, "second", "third") == b"{}"


def test_raising_waits_for_the_transaction_that_holds_the_number(engine: Engine) -> None:
    """So what the slow holder has kept is there when the number is raised."""
    holds, may_raise = Event(), Event()

    def slow_or_next(number: int) -> bytes | None:
        if number == 0:
            with engine.begin() as conn:
                assert fences.hold(conn, AMINA, 0)
                holds.set()
                may_raise.wait(LIMIT_S)
                fences.keep(conn, AMINA, 0, b"{}", "slow")
            return None
        holds.wait(LIMIT_S)
        may_raise.set()
        with engine.begin() as conn:
            assert fences.raise_number(conn, AMINA) == 2
            return fences.inherit(conn, AMINA, "slow", "next")

    assert together(2, slow_or_next) == [None, b"{}"]
    with engine.begin() as conn:
        assert not fences.hold(conn, AMINA, 1)
