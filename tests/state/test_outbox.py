"""The outbox: nothing leaves twice, out of order, or never."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from bot.db.engine import create_engine
from state import outbox
from state.outbox import Job
from state.tables import metadata
from tests.state.together import together

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def add(conn: Connection, key: str, lane: str | None = None, **more: Any) -> bool:
    values = {"kind": "sms", "payload": {"to": key}, "due_at": NOW, "now": NOW, **more}
    return outbox.add(conn, key=key, lane=lane, **values)


def claim(conn: Connection, token: str = "t1", now: datetime = NOW, limit: int = 10, **more: Any) -> list[Job]:
    return outbox.claim(conn, now=now, limit=limit, lease=MINUTE, token=token, **more)


def keys(jobs: list[Job]) -> list[str]:
    return [job.key for job in jobs]


def test_a_job_comes_out_as_it_went_in(conn: Connection) -> None:
    add(conn, "a", "amina", priority=2, payload={"text": "አማርኛ", "parts": [1, None]})
    assert claim(conn) == [
        Job(
            id=1,
            kind="sms",
            lane="amina",
            priority=2,
            payload={"text": "አማርኛ", "parts": [1, None]},
            key="a",
            due_at=NOW,
            attempts=1,
            created_at=NOW,
            token="t1",
        )
    ]


def test_a_job_is_claimed_when_it_is_due_and_not_before(conn: Connection) -> None:
    add(conn, "later", due_at=NOW + MINUTE)
    assert claim(conn) == []
    assert keys(claim(conn, now=NOW + MINUTE)) == ["later"]


def test_there_is_something_to_claim_exactly_when_a_claim_finds_something(conn: Connection) -> None:
    add(conn, "first", "amina")
    add(conn, "second", "amina")
    assert not outbox.anything_due(conn, NOW - MINUTE)
    assert not outbox.anything_due(conn, NOW, ["payout"])
    assert outbox.anything_due(conn, NOW, ["sms"])
    assert keys(claim(conn)) == ["first"]
    assert not outbox.anything_due(conn, NOW)


def test_a_lane_waits_until_its_last_job_is_finished_or_given_up(conn: Connection) -> None:
    assert not outbox.is_waiting(conn, "amina")
    add(conn, "a", "amina")
    add(conn, "b", "amina", due_at=NOW + MINUTE)
    assert outbox.is_waiting(conn, "amina")
    assert not outbox.is_waiting(conn, "joy")
    (first,) = claim(conn)
    outbox.done(conn, first, now=NOW)
    assert outbox.is_waiting(conn, "amina")
    (last,) = claim(conn, now=NOW + MINUTE)
    assert outbox.is_waiting(conn, "amina")
    outbox.bury(conn, last, now=NOW, error="no")
    assert not outbox.is_waiting(conn, "amina")


def test_the_urgent_leave_first_and_then_the_older(conn: Connection) -> None:
    add(conn, "new")
    add(conn, "old", due_at=NOW - MINUTE)
    add(conn, "urgent", priority=1)
    assert keys(claim(conn, limit=2)) == ["urgent", "old"]
    assert keys(claim(conn, "t2")) == ["new"]


def test_a_worker_claims_only_the_kinds_it_asks_for(conn: Connection) -> None:
    add(conn, "text")
    add(conn, "money", kind="payout")
    assert keys(claim(conn, kinds=["payout"])) == ["money"]


def test_a_key_is_added_once_and_the_transaction_goes_on(conn: Connection) -> None:
    assert add(conn, "a")
    assert not add(conn, "a", payload={"other": True})
    assert add(conn, "b")
    assert keys(claim(conn)) == ["a", "b"]


def test_a_key_stays_known_after_its_job_is_done_until_it_is_swept(conn: Connection) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert outbox.done(conn, job, now=NOW)
    assert not add(conn, "a")
    assert claim(conn, "t2") == []
    assert outbox.sweep(conn, NOW) == 0
    assert outbox.sweep(conn, NOW + MINUTE) == 1
    assert add(conn, "a")


def test_a_job_added_in_a_failed_transaction_was_never_there(engine: Engine) -> None:
    with engine.connect() as conn:
        add(conn, "a")
        conn.rollback()
    with engine.begin() as conn:
        assert claim(conn) == []
        assert add(conn, "a")


def test_jobs_of_a_lane_leave_one_at_a_time_in_the_order_they_were_added(conn: Connection) -> None:
    for key in ("first", "second", "third"):
        add(conn, key, "amina")
    add(conn, "other", "juma")
    jobs = claim(conn)
    assert keys(jobs) == ["first", "other"]
    assert claim(conn, "t2") == []
    outbox.done(conn, jobs[0], now=NOW)
    assert keys(claim(conn, "t2")) == ["second"]


def test_a_waiting_retry_is_no_way_past_ones_lane_except_for_the_urgent(conn: Connection) -> None:
    for key, priority in (("first", 0), ("second", 0), ("urgent", 9)):
        add(conn, key, "amina", priority=priority)
    (urgent,) = claim(conn)
    assert urgent.key == "urgent"
    assert claim(conn, "t2") == []
    outbox.done(conn, urgent, now=NOW)
    (first,) = claim(conn, "t3")
    outbox.retry(conn, first, due_at=NOW + MINUTE, error="busy")
    assert claim(conn, "t4") == []
    add(conn, "also urgent", "amina", priority=9)
    (urgent,) = claim(conn, "t5")
    outbox.done(conn, urgent, now=NOW)
    assert keys(claim(conn, "t6", now=NOW + MINUTE)) == ["first"]


def test_a_lane_goes_on_without_its_dead(conn: Connection) -> None:
    add(conn, "first", "amina")
    add(conn, "second", "amina")
    (job,) = claim(conn)
    assert outbox.bury(conn, job, now=NOW, error="no such number")
    assert keys(claim(conn, "t2")) == ["second"]


def test_a_lane_stays_closed_while_a_later_job_of_it_is_out(engine: Engine) -> None:
    """As when a transaction commits after one that began later."""
    with engine.begin() as conn:
        add(conn, "earlier", "amina", due_at=NOW)
        add(conn, "later", "amina", due_at=NOW)
        (earlier,) = claim(conn)
        outbox.bury(conn, earlier, now=NOW, error="for now")
        (later,) = claim(conn, "t2")
        assert later.key == "later"
        conn.exec_driver_sql("UPDATE outbox SET dead_at = NULL")
        assert claim(conn, "t3") == []
        outbox.done(conn, later, now=NOW)
        assert keys(claim(conn, "t3")) == ["earlier"]


def test_a_dead_workers_job_goes_to_another_and_the_first_can_no_longer_touch_it(conn: Connection) -> None:
    add(conn, "a")
    (old,) = claim(conn, "dead worker")
    assert claim(conn, "too early", now=NOW + MINUTE - timedelta(seconds=1)) == []
    (new,) = claim(conn, "next worker", now=NOW + MINUTE)
    assert (new.key, new.attempts) == ("a", 2)
    assert not outbox.done(conn, old, now=NOW)
    assert not outbox.retry(conn, old, due_at=NOW, error="late")
    assert not outbox.bury(conn, old, now=NOW, error="late")
    outbox.release(conn, [old])
    assert claim(conn, "third", now=NOW + MINUTE) == []
    assert outbox.done(conn, new, now=NOW)


@pytest.mark.parametrize("times", [1, 2])
def test_a_job_ends_once(conn: Connection, times: int) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert [outbox.done(conn, job, now=NOW) for _ in range(times)] == [True, False][:times]


def test_a_late_worker_may_finish_what_nobody_took_over(conn: Connection) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert outbox.done(conn, job, now=NOW + 10 * MINUTE)


def test_a_released_job_is_claimed_as_if_for_the_first_time(conn: Connection) -> None:
    add(conn, "a")
    outbox.release(conn, claim(conn))
    (job,) = claim(conn, "t2")
    assert job.attempts == 1


def test_a_postponed_job_is_claimed_later_as_if_for_the_first_time(conn: Connection) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert outbox.postpone(conn, job, due_at=NOW + MINUTE, error="at night")
    assert claim(conn, "t2") == []
    (job,) = claim(conn, "t3", now=NOW + MINUTE)
    assert job.attempts == 1


def test_many_are_done_at_once_except_those_that_another_has_taken_over(conn: Connection) -> None:
    for key in ("a", "b", "c"):
        add(conn, key)
    mine = claim(conn)
    outbox.release(conn, mine[:1])
    (theirs,) = claim(conn, "t2")
    outbox.all_done(conn, mine, now=NOW)
    assert outbox.depth(conn, NOW).waiting == 1
    assert outbox.done(conn, theirs, now=NOW)


def test_whether_anything_is_due_is_known_without_claiming_it(conn: Connection) -> None:
    add(conn, "a", due_at=NOW + MINUTE)
    assert not outbox.anything_due(conn, NOW)
    assert outbox.anything_due(conn, NOW + MINUTE)
    assert not outbox.anything_due(conn, NOW + MINUTE, ["payout"])
    claim(conn, now=NOW + MINUTE)
    assert not outbox.anything_due(conn, NOW + MINUTE)


def test_a_buried_job_that_another_replaces_is_done_and_its_key_stays_known(conn: Connection) -> None:
    for key in ("dead", "as dead"):
        add(conn, key, payload={"message": key})
    for job in claim(conn):
        outbox.bury(conn, job, now=NOW, error="no")
    outbox.replaced(conn, kind="sms", payload={"message": "dead"}, now=NOW)

    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=0, due=0, oldest_due_at=None, dead=1)
    assert not add(conn, "dead")
    assert outbox.sweep(conn, NOW + MINUTE) == 1


def test_depth_counts_what_waits_and_what_died(conn: Connection) -> None:
    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=0, due=0, oldest_due_at=None, dead=0)
    for key, due_at in [("oldest", NOW - MINUTE), ("now", NOW), ("later", NOW + MINUTE)]:
        add(conn, key, due_at=due_at)
    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=3, due=2, oldest_due_at=NOW - MINUTE, dead=0)
    oldest, now = claim(conn)
    outbox.bury(conn, oldest, now=NOW, error="no")
    outbox.done(conn, now, now=NOW)
    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=1, due=0, oldest_due_at=None, dead=1)


def test_workers_at_once_take_every_job_once_and_every_lane_in_order(engine: Engine) -> None:
    lanes, per_lane = 10, 6
    with engine.begin() as conn:
        for number in range(lanes * per_lane):
            add(conn, f"{number:03}", f"lane {number % lanes}")
    left: dict[str, list[str]] = defaultdict(list)

    def work(worker: int) -> None:
        turn = 0
        while True:
            turn += 1
            with engine.begin() as conn:
                jobs = claim(conn, f"{worker}.{turn}", limit=3)
                if not jobs and outbox.depth(conn, NOW).waiting == 0:
                    return
            for job in jobs:
                left[str(job.lane)].append(job.key)
                with engine.begin() as conn:
                    assert outbox.done(conn, job, now=NOW)

    together(4, work)
    expected = {f"lane {n}": [f"{n + lanes * turn:03}" for turn in range(per_lane)] for n in range(lanes)}
    assert left == expected


def test_postgresql_claims_few_of_many_by_looking_at_few_although_it_remembers_that_all_was_done(
    postgres_url: str,
) -> None:
    engine, many, few = create_engine(postgres_url), 300, 20
    metadata.create_all(engine)
    with engine.begin() as conn:
        for number in range(many):
            add(conn, f"old {number}", f"lane {number}")
        outbox.all_done(conn, claim(conn, limit=many), now=NOW)
        conn.execute(text("ANALYZE outbox"))
    with engine.begin() as conn:
        for number in range(many):
            add(conn, f"new {number}", f"lane {number}")
        before = looked_at(conn)
        assert len(claim(conn, limit=few)) == few
        assert looked_at(conn) - before < many
    engine.dispose()


def looked_at(conn: Connection) -> int:
    """Rows of the outbox that PostgreSQL has read in this transaction."""
    read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'outbox'")
    return int(conn.execute(read).scalar_one())
