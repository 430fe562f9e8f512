"""Periodic tasks: each run is claimed by one worker, and missed runs are done once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from state import schedule
from tests.threads import together

pytestmark = pytest.mark.every_store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURLY = "0 * * * *"


def register(conn: Connection, name: str = "sweep", cron: str = HOURLY, due_at: datetime = NOW) -> None:
    schedule.register(conn, [(name, cron, due_at)])


def claim(conn: Connection, token: str = "t1", now: datetime = NOW) -> bool:
    return schedule.claim(conn, "sweep", now=now, lease=MINUTE, token=token)


def due_at(conn: Connection) -> datetime:
    (row,) = schedule.find_all(conn)
    return row.due_at


def test_a_task_is_claimed_when_it_is_due_and_not_before(conn: Connection) -> None:
    register(conn, due_at=NOW + MINUTE)
    assert not claim(conn)
    assert claim(conn, now=NOW + MINUTE)


def test_a_task_that_is_not_registered_cannot_be_claimed(conn: Connection) -> None:
    assert not claim(conn)


def test_a_finished_task_is_due_at_its_next_time_and_not_before(conn: Connection) -> None:
    register(conn, due_at=NOW - 100 * MINUTE)
    claim(conn)
    assert schedule.finish(conn, "sweep", token="t1", now=NOW, due_at=NOW + MINUTE)
    assert not claim(conn, "t2")
    assert claim(conn, "t2", now=NOW + MINUTE)
    assert schedule.find_all(conn)[0].done_at == NOW


def test_a_failed_task_has_its_error_until_it_is_done(conn: Connection) -> None:
    register(conn)
    claim(conn)
    assert schedule.retry(conn, "sweep", token="t1", due_at=NOW, error="OSError")
    assert schedule.find_all(conn)[0].error == "OSError"
    assert claim(conn, "t2")
    schedule.finish(conn, "sweep", token="t2", now=NOW, due_at=NOW)
    assert schedule.find_all(conn)[0].error is None


def test_after_its_lease_a_task_can_be_claimed_again_and_only_the_new_claim_can_finish_it(conn: Connection) -> None:
    register(conn)
    claim(conn, "dead worker")
    assert not claim(conn, "too early", now=NOW + MINUTE - timedelta(seconds=1))
    assert claim(conn, "next worker", now=NOW + MINUTE)
    assert not schedule.finish(conn, "sweep", token="dead worker", now=NOW, due_at=NOW + 9 * MINUTE)
    assert not schedule.retry(conn, "sweep", token="dead worker", due_at=NOW, error="late")
    assert schedule.finish(conn, "sweep", token="next worker", now=NOW, due_at=NOW + MINUTE)


def test_registering_a_task_again_changes_it_only_if_its_cron_expression_changed(conn: Connection) -> None:
    register(conn)
    register(conn, due_at=NOW + MINUTE)
    assert due_at(conn) == NOW
    register(conn, cron="30 * * * *", due_at=NOW + 30 * MINUTE)
    assert due_at(conn) == NOW + 30 * MINUTE


def test_only_one_of_many_concurrent_workers_claims_a_task(engine: Engine) -> None:
    with engine.begin() as conn:
        register(conn)

    def work(worker: int) -> bool:
        with engine.begin() as conn:
            return claim(conn, str(worker))

    assert sum(together(6, work)) == 1
