"""The lease loop: no job is lost, and no job is performed or settled out of order."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from bot.db.engine import create_engine
from bot.db.unit_of_work import Database
from bot.jobs.runner import JobRunner, QueueOptions
from marketplace_api.shop import Ids
from state import outbox
from state.outbox import Depth, Job
from state.tables import metadata
from tests.service import MONDAY

pytestmark = pytest.mark.every_store

LEASE = timedelta(minutes=1)
OPTIONS = QueueOptions(("toy",), LEASE, workers=2, claimed_at_most=4)


@dataclass
class ToyDispatcher:
    """Notes the keys of the jobs that it performs; `blocked` keys wait until `gate` is set."""

    options: QueueOptions = OPTIONS
    performed: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    unsettleable: set[str] = field(default_factory=set)
    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    finished: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released once for each job that is settled, but perhaps before the transaction ends."""
    gate: threading.Event = field(default_factory=threading.Event)
    released: list[str] = field(default_factory=list)

    def prepare(self, db: Session, jobs: Sequence[Job]) -> Sequence[Job]:
        return jobs

    def perform(self, job: Job) -> Sequence[Job]:
        self.started.release()
        if job.key in self.blocked:
            self.gate.wait()
        if job.key in self.broken:
            raise RuntimeError("a bug")
        self.performed.append(job.key)
        return [job]

    def settle(self, db: Session, results: Collection[Job]) -> None:
        for job in results:
            if job.key in self.unsettleable:
                raise RuntimeError("cannot be settled")
            outbox.finish(db.connection(), job, now=MONDAY)
        self.settled += [job.key for job in results]
        for _ in results:
            self.finished.release()

    def settle_failed(self, db: Session, result: Job, error: Exception) -> None:
        outbox.dead_letter(db.connection(), result, now=MONDAY, error=type(error).__name__)

    def release(self, db: Session, units: Sequence[Job]) -> None:
        self.released += [job.key for job in units]
        outbox.release(db.connection(), units)

    def interrupted(self, unit: Job) -> Sequence[Job]:
        return []


class RunnerSetup:
    """An outbox and one runner."""

    def __init__(self, engine: Engine, pool: ThreadPoolExecutor) -> None:
        self.engine, self.now = engine, MONDAY
        database = Database(
            reading=sessionmaker(engine.execution_options(read_only=True)), writing=sessionmaker(engine)
        )
        self.dispatcher = ToyDispatcher()
        self.runner: JobRunner[Job, Job] = JobRunner(self.dispatcher, database, lambda: self.now, Ids(Random(1)), pool)

    def add(self, *keys: str) -> None:
        with self.engine.begin() as conn:
            for key in keys:
                outbox.add(conn, kind="toy", payload={}, key=key, ordering_key=None, due_at=MONDAY, now=MONDAY)

    @property
    def depth(self) -> Depth:
        with self.engine.connect() as conn:
            return outbox.depth(conn, self.now)

    @contextmanager
    def running(self, **changes: Any) -> Iterator[threading.Event]:
        """The runner in a thread of its own, until the block ends; the event tells it to stop."""
        stop = threading.Event()
        thread = threading.Thread(target=replace(self.runner, **changes).run, args=(stop,))
        thread.start()
        try:
            yield stop
        except BaseException:
            self.dispatcher.gate.set()  # no job waits for a test that has failed
            raise
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def setup(database_url: str) -> Iterator[RunnerSetup]:
    engine = create_engine(database_url)
    metadata.create_all(engine)
    with ThreadPoolExecutor(OPTIONS.workers) as pool:
        setup = RunnerSetup(engine, pool)
        yield setup
        setup.dispatcher.gate.set()
    engine.dispose()


def test_a_step_performs_and_settles_what_it_claims(setup: RunnerSetup) -> None:
    setup.add(*"abcdef")
    assert [setup.runner.step() for _ in range(3)] == [4, 2, 0]
    assert sorted(setup.dispatcher.settled) == list("abcdef")
    assert setup.depth.waiting == 0


def test_a_runner_claims_further_jobs_while_a_slow_one_is_being_performed(setup: RunnerSetup) -> None:
    setup.dispatcher.blocked = {"a"}
    setup.add(*"abcdefgh")
    with setup.running():
        while setup.depth.waiting > 1:
            """The other worker does them all."""
        assert sorted(setup.dispatcher.settled) == list("bcdefgh")
        setup.dispatcher.gate.set()

    assert (setup.dispatcher.settled[-1], setup.depth.waiting) == ("a", 0)


def test_a_runner_holds_no_more_jobs_than_its_limit(setup: RunnerSetup) -> None:
    keys = list("abcdefgh")
    setup.dispatcher.blocked = set(keys)
    setup.add(*keys)
    with setup.running() as stop:
        for _ in range(OPTIONS.workers):
            setup.dispatcher.started.acquire()
        assert setup.depth.waiting == len(keys)
        with setup.engine.begin() as conn:
            others = outbox.claim(conn, now=MONDAY, limit=9, lease=LEASE, token="other worker")
            assert len(others) == len(keys) - OPTIONS.claimed_at_most
            outbox.release(conn, others)
        stop.set()
        setup.dispatcher.gate.set()


def test_results_are_settled_in_the_transaction_that_claims_the_next_jobs(setup: RunnerSetup) -> None:
    commits: list[str] = []
    keys = [str(number) for number in range(20)]
    setup.add(*keys)
    setup.dispatcher.options = replace(OPTIONS, claimed_at_most=1)
    event.listen(setup.engine, "commit", lambda conn: commits.append("commit"))
    with setup.running():
        for _ in keys:
            setup.dispatcher.finished.acquire()

    assert len(commits) == len(keys) + 1


def test_no_transaction_writes_when_nothing_is_due(setup: RunnerSetup) -> None:
    commits: list[str] = []
    with setup.engine.begin():  # holds the one write lock that SQLite has
        event.listen(setup.engine, "commit", lambda conn: commits.append("commit"))
        assert setup.runner.step() == 0
        assert commits == []


def test_a_result_that_cannot_be_settled_holds_up_no_other(setup: RunnerSetup) -> None:
    setup.dispatcher.unsettleable = {"b"}
    setup.add(*"abcd")
    setup.runner.step()

    assert sorted(setup.dispatcher.settled) == ["a", "c", "d"]
    assert (setup.depth.waiting, setup.depth.dead) == (0, 1)


def test_a_result_whose_row_is_locked_is_kept_and_holds_up_no_other(setup: RunnerSetup) -> None:
    settle, locked = setup.dispatcher.settle, {"b"}

    def wait_for_lock(db: Session, results: Collection[Job]) -> None:
        if any(job.key in locked for job in results):
            raise OperationalError("UPDATE", None, Exception("the row is locked"))
        settle(db, results)

    setup.dispatcher.settle = wait_for_lock  # type: ignore[method-assign]
    setup.add(*"abcd")
    for _ in range(3):
        setup.runner.step()
    assert sorted(setup.dispatcher.settled) == ["a", "c", "d"]

    locked.clear()
    setup.runner.step()
    assert sorted(setup.dispatcher.settled) == list("abcd")
    assert (setup.depth.waiting, setup.depth.dead) == (0, 0)


def test_a_runner_tries_a_locked_result_again_though_no_other_job_comes(setup: RunnerSetup) -> None:
    settle, refusals = setup.dispatcher.settle, iter(range(3))

    def wait_for_lock(db: Session, results: Collection[Job]) -> None:
        if results and next(refusals, None) is not None:
            raise OperationalError("UPDATE", None, Exception("the row is locked"))
        settle(db, results)

    setup.dispatcher.settle = wait_for_lock  # type: ignore[method-assign]
    setup.add("a")
    with setup.running():
        while setup.depth.waiting:
            """The runner has not settled it yet; the test's timeout ends this."""

    assert setup.dispatcher.settled == ["a"]
    assert setup.dispatcher.performed == ["a"]


def test_results_are_settled_one_by_one_if_the_queue_does_not_settle_together(setup: RunnerSetup) -> None:
    sizes: list[int] = []
    settle = setup.dispatcher.settle

    def note_size(db: Session, results: Collection[Job]) -> None:
        sizes.append(len(results))
        settle(db, results)

    setup.dispatcher.settle = note_size  # type: ignore[method-assign]
    setup.dispatcher.options = replace(OPTIONS, settles_together=False)
    setup.add(*"abcd")
    setup.runner.step()

    assert [size for size in sizes if size] == [1, 1, 1, 1]


def test_results_are_kept_while_the_database_cannot_be_reached(setup: RunnerSetup) -> None:
    setup.add("a")

    def refuse(*_: object) -> None:
        raise OperationalError("COMMIT", None, Exception("the server is gone"))

    def perform(job: Job) -> Sequence[Job]:
        event.listen(setup.engine, "begin", refuse)
        return ToyDispatcher.perform(setup.dispatcher, job)

    setup.dispatcher.perform = perform  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(OperationalError):
            setup.runner.step()
    event.remove(setup.engine, "begin", refuse)
    assert setup.runner.step() == 0

    assert setup.dispatcher.performed == ["a"]
    assert setup.depth.waiting == 0


def test_a_unit_that_raises_stays_claimed_until_its_lease_ends(setup: RunnerSetup) -> None:
    setup.dispatcher.broken = {"a"}
    setup.add("a", "b")
    setup.runner.step()
    assert setup.dispatcher.settled == ["b"]
    assert setup.runner.step() == 0

    setup.now += LEASE
    setup.dispatcher.broken.clear()
    assert setup.runner.step() == 1
    assert setup.dispatcher.settled == ["b", "a"]


def test_a_stopping_runner_settles_what_is_running_and_releases_what_was_not_started(setup: RunnerSetup) -> None:
    setup.dispatcher.blocked = set("abcd")
    setup.add(*"abcd")
    with setup.running() as stop:
        for _ in range(OPTIONS.workers):
            setup.dispatcher.started.acquire()
        stop.set()
        while len(setup.dispatcher.released) < 2:
            """They are released before the others have finished."""
        setup.dispatcher.gate.set()

    assert sorted(setup.dispatcher.settled + setup.dispatcher.released) == list("abcd")
    assert setup.depth.waiting == 2
    assert setup.runner.step() == 2


def test_a_stopping_runner_waits_no_longer_than_its_grace_period(setup: RunnerSetup) -> None:
    setup.dispatcher.blocked = {"a"}
    setup.add("a")
    with setup.running(grace_s=0.0) as stop:
        setup.dispatcher.started.acquire()
        stop.set()
    assert setup.dispatcher.settled == []

    setup.dispatcher.gate.set()
    setup.now += LEASE
    assert setup.runner.step() == 1
