"""Jobs that are one function call each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from bot.jobs.handlers import Handler, HandlerDispatcher, HandlerResult
from bot.jobs.runner import JobRunner
from bot.messaging import broadcasts
from bot.payments import collections, payouts
from bot.photos import mms
from bot.worker import separated
from state import outbox
from state.outbox import Job
from tests.bot.messaging.fakes import outbox_depth
from tests.service import Service

pytestmark = pytest.mark.every_store


def add(service: Service, key: str = "odd", ordering_key: str | None = None, kind: str = "odd") -> None:
    with service.services.database.writing.begin() as session:
        now = service.clock()
        outbox.add(session.connection(), kind=kind, payload={}, key=key, ordering_key=ordering_key, due_at=now, now=now)


@contextmanager
def runner(service: Service, handler: Handler) -> Iterator[JobRunner[Job, HandlerResult]]:
    services = service.services
    with ThreadPoolExecutor(max_workers=1) as pool:
        dispatcher = HandlerDispatcher(services.clock, {"odd": handler})
        yield JobRunner(dispatcher, services.database, services.clock, services.ids, pool)


def test_a_job_whose_handler_raises_is_retried_at_growing_intervals_and_then_dead_lettered(embedded: Service) -> None:
    began, calls = embedded.clock(), list[tuple[int, timedelta]]()

    def fail(job: Job) -> None:
        calls.append((job.attempts, embedded.clock() - began))
        raise OSError("a bug")

    add(embedded)
    with runner(embedded, fail) as jobs:
        for _ in range(100):
            jobs.step()
            embedded.clock.advance(60)

    minutes = (0, 1, 3, 7, 15, 31, 63)
    assert calls == [(attempt, timedelta(minutes=after)) for attempt, after in enumerate(minutes, 1)]
    assert (outbox_depth(embedded).waiting, outbox_depth(embedded).dead) == (0, 1)


def test_a_handler_may_settle_its_job_in_a_transaction_of_its_own(embedded: Service) -> None:
    calls: list[int] = []

    def postpone_twice(job: Job) -> None:
        calls.append(job.attempts)
        if len(calls) <= 2:
            with embedded.services.database.writing.begin() as session:
                due_at = embedded.clock() + timedelta(minutes=1)
                outbox.postpone(session.connection(), job, due_at=due_at, error="not yet")

    add(embedded)
    with runner(embedded, postpone_twice) as jobs:
        for waiting in (1, 1, 0, 0):
            jobs.step()
            assert outbox_depth(embedded).waiting == waiting
            embedded.clock.advance(60)

    assert calls == [1, 1, 1]


def test_jobs_with_one_ordering_key_are_performed_one_after_another(embedded: Service) -> None:
    keys: list[str] = []
    for key in ("first", "second", "third"):
        add(embedded, key, ordering_key="amina")
    with runner(embedded, lambda job: keys.append(job.key)) as jobs:
        assert [jobs.step() for _ in range(4)] == [1, 1, 1, 0]

    assert keys == ["first", "second", "third"]


@pytest.mark.parametrize("slow", [mms.KIND, collections.KIND, collections.REFUND])
def test_jobs_that_take_long_hold_back_no_others(embedded: Service, slow: str) -> None:
    may_end, stop, ended = threading.Event(), threading.Event(), threading.Semaphore(0)
    handlers: dict[str, Handler] = {
        slow: lambda _job: may_end.wait(),
        payouts.KIND: lambda _job: ended.release(),
        broadcasts.KIND: lambda _job: ended.release(),
    }
    for kind in (slow, slow, slow, *handlers):
        add(embedded, key=embedded.new_id(), kind=kind)
    services = embedded.services
    with ExitStack() as stack:
        runners = [
            JobRunner(
                HandlerDispatcher(services.clock, group),
                services.database,
                services.clock,
                services.ids,
                stack.enter_context(ThreadPoolExecutor(max_workers=2)),
            )
            for group in separated(handlers)
        ]
        threads = [threading.Thread(target=runner.run, args=(stop,)) for runner in runners]
        for thread in threads:
            thread.start()
        try:
            both_ended = [ended.acquire(timeout=60) for _ in range(2)]
        finally:
            may_end.set()
            stop.set()
            for thread in threads:
                thread.join()

    assert both_ended == [True, True]
