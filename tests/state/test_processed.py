"""Each key is processed once: after a repetition, in a race, and after a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from state import processed
from tests.threads import together

pytestmark = pytest.mark.every_store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AMINA = "+254711000001"


def begin(conn: Connection, key: str, gateway_session: str | None = "ATUid_1") -> bytes | None:
    return processed.begin(conn, key, AMINA, NOW, gateway_session)


def test_a_key_is_new_once_and_then_has_its_outcome(conn: Connection) -> None:
    assert begin(conn, "list:1") is None
    processed.finish(conn, "list:1", b"K7P4", b"conversation")
    assert begin(conn, "list:1") == b"K7P4"
    assert begin(conn, "list:2") is None


def test_a_key_whose_transaction_failed_is_new_again(engine: Engine) -> None:
    with engine.connect() as conn:
        begin(conn, "list:1")
        conn.rollback()
    with engine.begin() as conn:
        assert begin(conn, "list:1") is None


def test_one_of_several_concurrent_hops_performs_it_and_the_others_get_the_outcome(engine: Engine) -> None:
    def hop(number: int) -> bytes | None:
        with engine.begin() as conn:
            outcome = begin(conn, "list:1")
            if outcome is None:
                processed.finish(conn, "list:1", b"by %d" % number, b"")
            return outcome

    outcomes = together(6, hop)
    assert outcomes.count(None) == 1
    first = b"by %d" % outcomes.index(None)
    assert [outcome for outcome in outcomes if outcome is not None] == [first] * 5


def test_a_gateway_session_has_the_checkpoint_of_its_last_command(conn: Connection) -> None:
    assert processed.last_checkpoint(conn, "ATUid_1", AMINA, NOW) is None
    for key, session in [("a", "ATUid_1"), ("b", "ATUid_1"), ("c", "ATUid_2"), ("d", None)]:
        begin(conn, key, session)
        processed.finish(conn, key, b"done", key.encode())
    assert processed.last_checkpoint(conn, "ATUid_1", AMINA, NOW) == b"b"
    assert processed.last_checkpoint(conn, "ATUid_2", AMINA, NOW) == b"c"
    assert processed.last_checkpoint(conn, "ATUid_2", "+254711000002", NOW) is None, (
        "another phone may have the same id"
    )
    assert processed.last_checkpoint(conn, "ATUid_2", AMINA, NOW + timedelta(seconds=1)) is None, "of an older call"


def test_an_outcome_that_is_known_at_the_beginning_is_stored_at_once(conn: Connection) -> None:
    assert processed.begin(conn, "text:1", AMINA, NOW, outcome=b"digest") is None
    assert processed.begin(conn, "text:1", AMINA, NOW, outcome=b"other") == b"digest"


def test_what_has_an_outcome_under_a_former_key_was_processed(conn: Connection) -> None:
    former = ["former:1", "former:2"]
    assert processed.begin(conn, "text:1", AMINA, NOW, outcome=b"done", former_keys=former) is None
    assert processed.begin(conn, "text:1", AMINA, NOW, outcome=b"done", former_keys=former) == b"done"

    begin(conn, "former:2")  # has no outcome: the hop died
    assert processed.begin(conn, "text:2", AMINA, NOW, outcome=b"done", former_keys=former) is None
    processed.finish(conn, "former:2", b"older", b"")
    assert processed.begin(conn, "text:2", AMINA, NOW, outcome=b"", former_keys=former) == b"done"
    assert processed.begin(conn, "text:3", AMINA, NOW, outcome=b"done", former_keys=former) == b"older"


def test_a_sweep_deletes_old_keys_some_at_a_time_and_no_others(conn: Connection) -> None:
    for number in range(5):
        processed.begin(conn, f"old:{number}", AMINA, NOW - timedelta(days=2))
    begin(conn, "new")
    assert [processed.sweep(conn, NOW, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert (begin(conn, "old:0"), begin(conn, "new")) == (None, b"")
