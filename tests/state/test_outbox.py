"""The outbox: every job is run in order and finished once."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from bot.db.engine import create_engine
from state import outbox
from state.outbox import Job
from tests.databases import engine_for
from tests.threads import together

pytestmark = pytest.mark.every_store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def add(conn: Connection, key: str, ordering_key: str | None = None, **more: Any) -> bool:
    values = {"kind": "sms", "payload": {"to": key}, "due_at": NOW, "now": NOW, **more}
    return outbox.add(conn, key=key, ordering_key=ordering_key, **values)


def claim(conn: Connection, token: str = "t1", now: datetime = NOW, limit: int = 10, **more: Any) -> list[Job]:
    return outbox.claim(conn, now=now, limit=limit, lease=MINUTE, token=token, **more)


def keys(jobs: list[Job]) -> list[str]:
    return [job.key for job in jobs]


def test_a_claimed_job_is_equal_to_the_added_one(conn: Connection) -> None:
    add(conn, "a", "amina", priority=2, payload={"text": "አማርኛ", "parts": [1, None]})
    assert claim(conn) == [
        Job(
            id=1,
            kind="sms",
            ordering_key="amina",
            priority=2,
            payload={"text": "አማርኛ", "parts": [1, None]},
            key="a",
            due_at=NOW,
            attempts=1,
            polls=0,
            created_at=NOW,
            token="t1",
        )
    ]


def test_a_job_is_claimed_when_it_is_due_and_not_before(conn: Connection) -> None:
    add(conn, "later", due_at=NOW + MINUTE)
    assert claim(conn) == []
    assert keys(claim(conn, now=NOW + MINUTE)) == ["later"]


def test_anything_due_is_true_exactly_when_a_claim_finds_something(conn: Connection) -> None:
    add(conn, "first", "amina")
    add(conn, "second", "amina")
    assert not outbox.anything_due(conn, NOW - MINUTE)
    assert not outbox.anything_due(conn, NOW, ["payout"])
    assert outbox.anything_due(conn, NOW, ["sms"])
    assert keys(claim(conn)) == ["first"]
    assert not outbox.anything_due(conn, NOW)


def test_an_ordering_key_has_unfinished_jobs_until_the_last_one_is_finished_or_dead(conn: Connection) -> None:
    assert not outbox.has_unfinished(conn, "amina")
    add(conn, "a", "amina")
    add(conn, "b", "amina", due_at=NOW + MINUTE)
    assert outbox.has_unfinished(conn, "amina")
    assert not outbox.has_unfinished(conn, "joy")
    (first,) = claim(conn)
    outbox.finish(conn, first, now=NOW)
    assert outbox.has_unfinished(conn, "amina")
    (last,) = claim(conn, now=NOW + MINUTE)
    assert outbox.has_unfinished(conn, "amina")
    outbox.dead_letter(conn, last, now=NOW, error="no")
    assert not outbox.has_unfinished(conn, "amina")


def test_jobs_are_claimed_by_priority_and_then_by_due_time(conn: Connection) -> None:
    add(conn, "new")
    add(conn, "old", due_at=NOW - MINUTE)
    add(conn, "urgent", priority=1)
    assert keys(claim(conn, limit=2)) == ["urgent", "old"]
    assert keys(claim(conn, "t2")) == ["new"]


def test_a_claim_takes_only_the_kinds_it_names(conn: Connection) -> None:
    add(conn, "text")
    add(conn, "money", kind="payout")
    assert keys(claim(conn, kinds=["payout"])) == ["money"]


def test_a_key_is_added_once_and_the_transaction_can_go_on(conn: Connection) -> None:
    assert add(conn, "a")
    assert not add(conn, "a", payload={"other": True})
    assert add(conn, "b")
    assert keys(claim(conn)) == ["a", "b"]


def test_the_key_of_a_finished_job_is_kept_until_it_is_swept(conn: Connection) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert outbox.finish(conn, job, now=NOW)
    assert not add(conn, "a")
    assert claim(conn, "t2") == []
    assert outbox.sweep(conn, NOW) == 0
    assert outbox.sweep(conn, NOW + MINUTE) == 1
    assert add(conn, "a")


def test_a_job_added_in_a_transaction_that_was_rolled_back_does_not_exist(engine: Engine) -> None:
    with engine.connect() as conn:
        add(conn, "a")
        conn.rollback()
    with engine.begin() as conn:
        assert claim(conn) == []
        assert add(conn, "a")


def test_jobs_with_one_ordering_key_are_claimed_one_at_a_time_in_the_order_they_were_added(conn: Connection) -> None:
    for key in ("first", "second", "third"):
        add(conn, key, "amina")
    add(conn, "other", "juma")
    jobs = claim(conn)
    assert keys(jobs) == ["first", "other"]
    assert claim(conn, "t2") == []
    outbox.finish(conn, jobs[0], now=NOW)
    assert keys(claim(conn, "t2")) == ["second"]


def test_a_job_that_waits_for_its_retry_blocks_its_ordering_key_except_for_higher_priorities(conn: Connection) -> None:
    for key, priority in (("first", 0), ("second", 0), ("urgent", 9)):
        add(conn, key, "amina", priority=priority)
    (urgent,) = claim(conn)
    assert urgent.key == "urgent"
    assert claim(conn, "t2") == []
    outbox.finish(conn, urgent, now=NOW)
    (first,) = claim(conn, "t3")
    outbox.retry(conn, first, due_at=NOW + MINUTE, error="busy")
    assert claim(conn, "t4") == []
    add(conn, "also urgent", "amina", priority=9)
    (urgent,) = claim(conn, "t5")
    outbox.finish(conn, urgent, now=NOW)
    assert keys(claim(conn, "t6", now=NOW + MINUTE)) == ["first"]


def test_a_dead_job_does_not_block_its_ordering_key(conn: Connection) -> None:
    add(conn, "first", "amina")
    add(conn, "second", "amina")
    (job,) = claim(conn)
    assert outbox.dead_letter(conn, job, now=NOW, error="no such number")
    assert keys(claim(conn, "t2")) == ["second"]


def test_an_ordering_key_is_blocked_while_a_later_job_of_it_is_claimed(engine: Engine) -> None:
    """This happens when a transaction commits after another one that began later."""
    with engine.begin() as conn:
        add(conn, "earlier", "amina", due_at=NOW)
        add(conn, "later", "amina", due_at=NOW)
        (earlier,) = claim(conn)
        outbox.dead_letter(conn, earlier, now=NOW, error="for now")
        (later,) = claim(conn, "t2")
        assert later.key == "later"
        conn.exec_driver_sql("UPDATE outbox SET dead_at = NULL")
        assert claim(conn, "t3") == []
        outbox.finish(conn, later, now=NOW)
        assert keys(claim(conn, "t3")) == ["earlier"]


def test_after_its_lease_a_job_can_be_claimed_again_and_only_the_new_claim_can_finish_it(conn: Connection) -> None:
    add(conn, "a")
    (old,) = claim(conn, "dead worker")
    assert claim(conn, "too early", now=NOW + MINUTE - timedelta(seconds=1)) == []
    (new,) = claim(conn, "next worker", now=NOW + MINUTE)
    assert (new.key, new.attempts) == ("a", 2)
    assert not outbox.finish(conn, old, now=NOW)
    assert not outbox.retry(conn, old, due_at=NOW, error="late")
    assert not outbox.dead_letter(conn, old, now=NOW, error="late")
    outbox.release(conn, [old])
    assert claim(conn, "third", now=NOW + MINUTE) == []
    assert outbox.finish(conn, new, now=NOW)


@pytest.mark.parametrize("times", [1, 2])
def test_a_job_is_finished_only_once(conn: Connection, times: int) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert [outbox.finish(conn, job, now=NOW) for _ in range(times)] == [True, False][:times]


def test_a_job_whose_lease_expired_can_still_be_finished_if_nobody_claimed_it_again(conn: Connection) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert outbox.finish(conn, job, now=NOW + 10 * MINUTE)


def test_the_attempts_of_a_released_job_are_counted_as_before_its_claim(conn: Connection) -> None:
    add(conn, "a")
    outbox.release(conn, claim(conn))
    (job,) = claim(conn, "t2")
    assert job.attempts == 1


def test_a_postponed_job_is_claimed_later_and_its_attempts_are_counted_as_before(conn: Connection) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert outbox.postpone(conn, job, due_at=NOW + MINUTE, error="at night")
    assert claim(conn, "t2") == []
    (job,) = claim(conn, "t3", now=NOW + MINUTE)
    assert job.attempts == 1


def test_a_job_that_polls_again_counts_the_poll_and_not_the_attempt(conn: Connection) -> None:
    add(conn, "a")
    (job,) = claim(conn)
    assert outbox.poll_again(conn, job, due_at=NOW + MINUTE, error="not yet")
    (job,) = claim(conn, "t2", now=NOW + MINUTE)
    assert outbox.postpone(conn, job, due_at=NOW + 2 * MINUTE, error=None)
    (job,) = claim(conn, "t3", now=NOW + 2 * MINUTE)
    assert (job.attempts, job.polls) == (1, 1)


def test_finish_all_does_not_change_jobs_that_another_worker_has_claimed_since(conn: Connection) -> None:
    for key in ("a", "b", "c"):
        add(conn, key)
    mine = claim(conn)
    outbox.release(conn, mine[:1])
    (theirs,) = claim(conn, "t2")
    outbox.finish_all(conn, mine, now=NOW)
    assert outbox.depth(conn, NOW).waiting == 1
    assert outbox.finish(conn, theirs, now=NOW)


def test_anything_due_respects_due_time_kind_and_lease(conn: Connection) -> None:
    add(conn, "a", due_at=NOW + MINUTE)
    assert not outbox.anything_due(conn, NOW)
    assert outbox.anything_due(conn, NOW + MINUTE)
    assert not outbox.anything_due(conn, NOW + MINUTE, ["payout"])
    claim(conn, now=NOW + MINUTE)
    assert not outbox.anything_due(conn, NOW + MINUTE)


def test_a_dead_job_whose_work_another_job_does_is_finished_and_its_key_is_kept(conn: Connection) -> None:
    for key in ("dead", "as dead"):
        add(conn, key, payload={"message": key})
    for job in claim(conn):
        outbox.dead_letter(conn, job, now=NOW, error="no")
    outbox.finish_dead(conn, kind="sms", payload={"message": "dead"}, now=NOW)

    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=0, due=0, oldest_due_at=None, dead=1)
    assert not add(conn, "dead")
    assert outbox.sweep(conn, NOW + MINUTE) == 1


def test_depth_counts_unfinished_due_and_dead_jobs(conn: Connection) -> None:
    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=0, due=0, oldest_due_at=None, dead=0)
    for key, due_at in [("oldest", NOW - MINUTE), ("now", NOW), ("later", NOW + MINUTE)]:
        add(conn, key, due_at=due_at)
    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=3, due=2, oldest_due_at=NOW - MINUTE, dead=0)
    oldest, now = claim(conn)
    outbox.dead_letter(conn, oldest, now=NOW, error="no")
    outbox.finish(conn, now, now=NOW)
    assert outbox.depth(conn, NOW) == outbox.Depth(waiting=1, due=0, oldest_due_at=None, dead=1)


def test_concurrent_workers_claim_every_job_once_and_each_ordering_key_in_order(engine: Engine) -> None:
    ordering_keys, jobs_per_key = 10, 6
    with engine.begin() as conn:
        for number in range(ordering_keys * jobs_per_key):
            add(conn, f"{number:03}", f"key {number % ordering_keys}")
    finished: dict[str, list[str]] = defaultdict(list)

    def work(worker: int) -> None:
        turn = 0
        while True:
            turn += 1
            with engine.begin() as conn:
                jobs = claim(conn, f"{worker}.{turn}", limit=3)
                if not jobs and outbox.depth(conn, NOW).waiting == 0:
                    return
            for job in jobs:
                finished[str(job.ordering_key)].append(job.key)
                with engine.begin() as conn:
                    assert outbox.finish(conn, job, now=NOW)

    together(4, work)
    expected = {
        f"key {n}": [f"{n + ordering_keys * turn:03}" for turn in range(jobs_per_key)] for n in range(ordering_keys)
    }
    assert finished == expected


def test_postgresql_reads_few_rows_for_a_small_claim_even_with_outdated_statistics(
    migrated_postgres_url: str,
) -> None:
    engine, many, few = create_engine(migrated_postgres_url), 300, 20
    with engine.begin() as conn:
        for number in range(many):
            add(conn, f"old {number}", f"key {number}")
        outbox.finish_all(conn, claim(conn, limit=many), now=NOW)
        conn.execute(text("ANALYZE outbox"))
    with engine.begin() as conn:
        for number in range(many):
            add(conn, f"new {number}", f"key {number}")
        before = rows_read(conn)
        assert len(claim(conn, limit=few)) == few
        assert rows_read(conn) - before < many
    engine.dispose()


def rows_read(conn: Connection) -> int:
    """Number of outbox rows that PostgreSQL has read in this transaction."""
    read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'outbox'")
    return int(conn.execute(read).scalar_one())


def test_finished_jobs_leave_no_statement_prepared(migrated_postgres_url: str) -> None:
    """A pooler may give the connection to another client, which prepares statements under the same names."""
    with engine_for(migrated_postgres_url).begin() as conn:
        for number in range(12):
            add(conn, f"{number}")
        outbox.finish_all(conn, claim(conn, limit=20), now=NOW)
        assert conn.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0
        assert conn.scalar(text("SELECT count(*) FROM outbox WHERE done_at IS NOT NULL")) == 12
