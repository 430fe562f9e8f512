"""PINs: the first becomes hers, guessing is locked out, and nothing in the database tells what it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, select

from state import people, pins
from state.tables import person
from tests.state.together import together

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AMINA, PEPPER = "+254711000001", b"pepper"


def tried(conn: Connection, *said: str, now: datetime = NOW) -> list[str]:
    return [pins.check(conn, AMINA, pin, PEPPER, now) for pin in said]


def test_the_first_pin_becomes_hers(conn: Connection) -> None:
    assert tried(conn, "2468", "1357", "2468") == ["right", "wrong", "right"]
    known = people.find(conn, AMINA)
    assert known
    assert known.has_pin


def test_three_wrong_pins_lock_even_the_right_one_out_for_a_day(conn: Connection) -> None:
    assert tried(conn, "2468", "1111", "2222", "3333", "2468") == ["right", "wrong", "wrong", "locked", "locked"]
    assert tried(conn, "2468", now=NOW + timedelta(hours=24, seconds=-1)) == ["locked"]
    assert tried(conn, "2468", now=NOW + timedelta(hours=24)) == ["right"]


def test_a_right_pin_forgives_the_wrong_ones_before(conn: Connection) -> None:
    tried(conn, "2468")
    assert tried(conn, *(["1111", "2222", "2468"] * 2)) == ["wrong", "wrong", "right"] * 2


def test_a_right_pin_speaks_for_her_for_ten_minutes_unless_guessing_began(conn: Connection) -> None:
    assert not pins.is_proven(conn, AMINA, NOW)
    tried(conn, "2468")
    assert pins.is_proven(conn, AMINA, NOW + timedelta(minutes=10, seconds=-1))
    assert not pins.is_proven(conn, AMINA, NOW + timedelta(minutes=10))
    tried(conn, "1111", "2222", "3333")
    assert not pins.is_proven(conn, AMINA, NOW)


def test_after_a_reset_the_next_pin_becomes_hers(conn: Connection) -> None:
    tried(conn, "2468", "1111", "2222", "3333")
    pins.reset(conn, AMINA, NOW)
    assert not pins.is_proven(conn, AMINA, NOW)
    assert tried(conn, "1357", "2468") == ["right", "wrong"]


def test_who_has_the_database_and_not_the_pepper_cannot_try_pins(conn: Connection) -> None:
    tried(conn, "2468")
    kept = conn.execute(select(person.c.pin_hash)).scalar_one()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert pins.check(conn, AMINA, "2468", b"another pepper", NOW) == "wrong"


def test_guesses_at_the_same_instant_are_counted_each(engine: Engine) -> None:
    def guess(turn: int) -> str:
        with engine.begin() as conn:
            return pins.check(conn, AMINA, f"111{turn}", PEPPER, NOW)

    with engine.begin() as conn:
        tried(conn, "2468")
    assert sorted(together(5, guess)) == ["locked"] * 3 + ["wrong"] * 2
