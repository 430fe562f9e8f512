"""PINs: the first one given is stored, guesses lock the PIN, and the database does not reveal it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine, select

from state import people, pins
from state.tables import person
from tests import fast_hashes
from tests.threads import together

pytestmark = pytest.mark.every_store

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AMINA, PEPPERS = "+254711000001", pins.Peppers((b"pepper",))
OTHERS = pins.Peppers((b"another pepper",))


def hashed(
    call: Callable[..., T], conn: Connection, secret: str, now: datetime = NOW, peppers: pins.Peppers = PEPPERS
) -> T:
    """What a function of `pins` returns about Amina, once it has all hashes."""
    hashes = pins.Hashes(peppers)
    for _ in range(3):
        try:
            return call(conn, AMINA, secret, hashes, now)
        except pins.HashNeeded as needed:
            hashes.compute(needed)
    raise AssertionError("it needs too many hashes")


def tried(conn: Connection, *given: str, now: datetime = NOW) -> list[str]:
    return [hashed(pins.check, conn, pin, now) for pin in given]


def offered(conn: Connection, digits: str, now: datetime = NOW) -> bool:
    return hashed(pins.offer_reset, conn, digits, now)


def test_the_first_pin_that_is_given_is_stored(conn: Connection) -> None:
    assert tried(conn, "2468", "1357", "2468") == ["right", "wrong", "right"]
    known = people.find(conn, AMINA)
    assert known
    assert known.has_pin


def test_three_wrong_pins_lock_even_the_right_one_out_for_a_day(conn: Connection) -> None:
    assert tried(conn, "2468", "1111", "2222", "3333", "2468") == ["right", "wrong", "wrong", "locked", "locked"]
    assert tried(conn, "2468", now=NOW + timedelta(hours=24, seconds=-1)) == ["locked"]
    assert tried(conn, "2468", now=NOW + timedelta(hours=24)) == ["right"]


def test_a_right_pin_resets_the_count_of_wrong_ones(conn: Connection) -> None:
    tried(conn, "2468")
    assert tried(conn, *(["1111", "2222", "2468"] * 2)) == ["wrong", "wrong", "right"] * 2


def test_a_pin_has_a_seal_until_it_is_locked_or_another_pin_is_chosen(conn: Connection) -> None:
    assert pins.seal(conn, AMINA, NOW) is None
    tried(conn, "2468")
    seal = pins.seal(conn, AMINA, NOW)
    assert seal
    tried(conn, "1111", "2468")
    assert pins.seal(conn, AMINA, NOW + timedelta(days=400)) == seal
    tried(conn, "1111", "2222", "3333")
    assert pins.seal(conn, AMINA, NOW) is None
    pins.reset(conn, AMINA, NOW)
    assert (pins.seal(conn, AMINA, NOW), pins.is_chosen(conn, AMINA)) == (None, False)
    tried(conn, "2468")
    assert pins.seal(conn, AMINA, NOW) not in (None, seal)
    assert pins.is_chosen(conn, AMINA)


def test_after_a_reset_the_next_pin_that_is_given_is_stored(conn: Connection) -> None:
    tried(conn, "2468", "1111", "2222", "3333")
    pins.reset(conn, AMINA, NOW)
    assert tried(conn, "1357", "2468") == ["right", "wrong"]


def test_pins_cannot_be_tried_with_the_database_but_without_the_pepper(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "_hasher", fast_hashes.REAL)
    tried(conn, "2468")
    kept = conn.execute(select(person.c.pin_hash)).scalar_one()
    assert kept.startswith(f"{PEPPERS.prefix}argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed(pins.check, conn, "2468", peppers=OTHERS) == "wrong"


def stored_hash(conn: Connection) -> str:
    return str(conn.execute(select(person.c.pin_hash)).scalar_one())


def test_with_a_new_pepper_the_right_pin_is_right_and_is_hashed_anew(conn: Connection) -> None:
    both = pins.Peppers((*OTHERS.named, *PEPPERS.named))
    tried(conn, "2468")
    assert pins.count_with_older_peppers(conn, both) == 1

    assert hashed(pins.check, conn, "1111", peppers=both) == "wrong"
    assert stored_hash(conn).startswith(PEPPERS.prefix)
    assert hashed(pins.check, conn, "2468", peppers=both) == "right"

    assert stored_hash(conn).startswith(OTHERS.prefix)
    assert pins.count_with_older_peppers(conn, both) == 0
    assert hashed(pins.check, conn, "2468", peppers=OTHERS) == "right"
    assert hashed(pins.check, conn, "2468") == "wrong"


def test_a_hash_from_before_peppers_had_names_is_right_and_is_made_anew(conn: Connection) -> None:
    tried(conn, "2468")
    unnamed = stored_hash(conn).removeprefix(PEPPERS.prefix.removesuffix("$"))
    conn.execute(person.update().values(pin_hash=unnamed))
    peppers = pins.Peppers(OTHERS.named, unnamed=PEPPERS.named)

    assert hashed(pins.check, conn, "1111", peppers=peppers) == "wrong"
    assert hashed(pins.check, conn, "2468", peppers=peppers) == "right"
    assert stored_hash(conn).startswith(OTHERS.prefix)


def test_each_of_several_concurrent_guesses_is_counted(engine: Engine) -> None:
    def guess(turn: int) -> str:
        with engine.begin() as conn:
            return hashed(pins.check, conn, f"111{turn}")

    with engine.begin() as conn:
        tried(conn, "2468")
    assert sorted(together(5, guess)) == ["locked"] * 3 + ["wrong"] * 2


# -- resetting a forgotten PIN


def redeemed(conn: Connection, *given: str, now: datetime = NOW) -> list[str]:
    return [hashed(pins.redeem_reset, conn, digits, now) for digits in given]


def test_the_offered_code_resets_the_pin_once(conn: Connection) -> None:
    tried(conn, "2468")
    assert offered(conn, "120984")
    assert tried(conn, "2468") == ["right"]
    assert redeemed(conn, "111111", "120984", "120984") == ["wrong", "right", "expired"]
    assert tried(conn, "1357", "2468") == ["right", "wrong"]


def test_a_code_unlocks_a_locked_pin(conn: Connection) -> None:
    tried(conn, "2468", "1111", "2222", "3333")
    offered(conn, "120984")
    assert redeemed(conn, "120984") == ["right"]
    assert tried(conn, "1357") == ["right"]


def test_a_code_is_valid_for_thirty_minutes(conn: Connection) -> None:
    tried(conn, "2468")
    offered(conn, "120984")
    assert redeemed(conn, "111111", now=NOW + timedelta(minutes=30, seconds=-1)) == ["wrong"]
    assert redeemed(conn, "120984", now=NOW + timedelta(minutes=30)) == ["expired"]
    assert tried(conn, "1357") == ["wrong"]


def test_without_an_offer_no_code_is_right(conn: Connection) -> None:
    assert redeemed(conn, "120984") == ["expired"]
    tried(conn, "2468")
    assert redeemed(conn, "120984") == ["expired"]


def test_a_new_offer_replaces_the_previous_one(conn: Connection) -> None:
    offered(conn, "120984")
    offered(conn, "555555")
    assert redeemed(conn, "120984", "555555") == ["wrong", "right"]


def test_three_wrong_codes_end_the_offer_and_no_other_is_made_before_it_would_have_expired(conn: Connection) -> None:
    offered(conn, "120984")
    assert redeemed(conn, "111111", "222222") == ["wrong", "wrong"]
    assert offered(conn, "555555")
    assert redeemed(conn, "333333", "555555") == ["locked", "locked"]
    assert not offered(conn, "666666", NOW + timedelta(minutes=30, seconds=-1))
    assert offered(conn, "666666", NOW + timedelta(minutes=30))
    assert redeemed(conn, "666666", now=NOW + timedelta(minutes=30)) == ["right"]


def test_nothing_that_is_stored_reveals_the_code(conn: Connection) -> None:
    offered(conn, "120984")
    kept = conn.execute(select(person)).one()
    assert "120984" not in repr(kept)
    assert hashed(pins.redeem_reset, conn, "120984", peppers=OTHERS) == "wrong"
