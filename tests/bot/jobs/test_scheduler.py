"""Periodic tasks: at their times in the local time zone, by one worker, and once for all missed times."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from sqlalchemy import select

from bot.jobs.scheduler import LEASE, RETRIES, PeriodicTask, Scheduler
from bot.worker import periodic_tasks, scheduler
from marketplace_api.models import LedgerCheckpoint, PaidSum, Payout
from state import schedule
from tests.bot import fixtures
from tests.bot.fixtures import JOY
from tests.bot.messaging.fakes import run_until_killed
from tests.service import Service
from tests.threads import together

pytestmark = pytest.mark.every_store

HOURLY = "0 * * * *"


def scheduler_for(service: Service, do: Callable[[], object], cron: str = HOURLY) -> Scheduler:
    """A scheduler with one task, which is registered now."""
    worker = replace(scheduler(service.services), tasks=(PeriodicTask("count", cron, do),))
    worker.run_due()
    return worker


def due_at(service: Service, name: str = "count") -> datetime:
    with service.services.database.reading() as db:
        return next(row.due_at for row in schedule.find_all(db.connection()) if row.name == name)


def test_an_hourly_task_is_run_once_each_hour(service: Service) -> None:
    done: list[datetime] = []
    worker = scheduler_for(service, lambda: done.append(service.clock()))
    assert done == []
    for _ in range(180):
        service.clock.advance(60)
        worker.run_due()

    assert [at.hour for at in done] == [9, 10, 11]


def test_a_task_that_missed_several_times_is_run_once_and_then_as_usual(service: Service) -> None:
    done: list[datetime] = []
    worker = scheduler_for(service, lambda: done.append(service.clock()))
    service.clock.advance(3 * 24 * 3600 + 60)
    for _ in range(3):
        worker.run_due()
    assert len(done) == 1
    assert due_at(service) == service.clock().replace(minute=0) + timedelta(hours=1)


def test_only_one_of_several_workers_runs_a_task(service: Service) -> None:
    done: list[int] = []
    workers = [scheduler_for(service, lambda: done.append(1)) for _ in range(4)]
    service.clock.advance(3600)

    assert sum(together(4, lambda number: workers[number].run_due())) == 1
    assert done == [1]


def test_a_task_whose_worker_was_killed_is_run_by_another_after_the_lease(service: Service) -> None:
    scheduler_for(service, lambda: None)
    service.clock.advance(3600)
    service.services.close()  # no connection may be shared with the child process
    run_until_killed(lambda: scheduler_for(service, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    done: list[int] = []
    worker = scheduler_for(service, lambda: done.append(1))
    assert done == []

    service.clock.advance(LEASE.total_seconds())
    worker.run_due()
    assert done == [1]


def test_a_task_that_fails_is_retried_and_does_not_delay_others(embedded: Service) -> None:
    done: list[str] = []

    def break_once() -> None:
        done.append("broken")
        if len(done) == 1:
            raise OSError("the disk is full")

    worker = scheduler_for(embedded, break_once)
    worker = replace(worker, tasks=(*worker.tasks, PeriodicTask("other", HOURLY, lambda: done.append("other"))))
    worker.run_due()
    embedded.clock.advance(3600)
    worker.run_due()
    assert done == ["broken", "other"]
    embedded.clock.advance(RETRIES.shortest.total_seconds() * 1.15)
    worker.run_due()
    worker.run_due()
    assert done == ["broken", "other", "broken"]


@pytest.mark.parametrize("cron", ["* * * * *", "30 3 * * *"])
def test_the_gaps_of_a_task_that_goes_on_failing_grow_up_to_a_ceiling(embedded: Service, cron: str) -> None:
    tried: list[datetime] = []

    def break_always() -> None:
        tried.append(embedded.clock())
        raise OSError("the disk is full")

    worker = scheduler_for(embedded, break_always, cron)
    embedded.clock.advance((due_at(embedded) - embedded.clock()).total_seconds())
    for _ in range(8):
        worker.run_due()
        embedded.clock.advance((due_at(embedded) - embedded.clock()).total_seconds())
    gaps = [(later - earlier) / timedelta(minutes=1) for earlier, later in pairwise(tried)]
    for gap, expected in zip(gaps, (1, 2, 4, 8, 16, 30, 30), strict=True):
        assert expected <= gap <= expected * 1.15

    replace(worker, tasks=(PeriodicTask("count", cron, lambda: None),)).run_due()
    assert due_at(embedded) == worker.next_time(cron, embedded.clock())
    with embedded.services.database.reading() as db:
        assert [row.attempts for row in schedule.find_all(db.connection()) if row.name == "count"] == [0]


def test_a_task_that_kills_its_worker_is_run_again_after_growing_gaps(embedded: Service) -> None:
    tried: list[datetime] = []

    def die() -> None:
        tried.append(embedded.clock())
        raise SystemExit

    worker = scheduler_for(embedded, die)
    embedded.clock.advance((due_at(embedded) - embedded.clock()).total_seconds())
    for _ in range(90):
        with suppress(SystemExit):
            worker.run_due()
        embedded.clock.advance(60)
    assert [(later - earlier) / timedelta(minutes=1) for earlier, later in pairwise(tried)] == [5, 5, 5, 8, 16, 30]


def test_times_are_in_the_given_time_zone(embedded: Service) -> None:
    worker = replace(scheduler_for(embedded, lambda: None), timezone=ZoneInfo("Africa/Nairobi"))
    morning = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert worker.next_time("0 8 * * *", morning) == datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def test_a_task_whose_cron_expression_changed_is_due_at_its_new_time(embedded: Service) -> None:
    scheduler_for(embedded, lambda: None)
    scheduler_for(embedded, lambda: None, cron="30 * * * *")
    assert due_at(embedded).minute == 30


def test_every_periodic_task_has_a_next_time_and_can_be_run(embedded: Service) -> None:
    for task in periodic_tasks(embedded.services):
        assert next(CronSim(task.cron, embedded.clock())), task.name
        task.run()


def test_a_ledger_checkpoint_is_written_each_night(service: Service) -> None:
    fixtures.received_order(service)
    service.later(days=1)

    def checkpoints() -> dict[str, int]:
        with service.services.database.reading() as db:
            return {kept.account: kept.balance for kept in db.scalars(select(LedgerCheckpoint))}

    assert checkpoints()["commission"] == -180_00
    assert sum(checkpoints().values()) == 0


def test_the_sum_that_an_artisan_was_paid_is_stored_after_a_day(service: Service) -> None:
    fixtures.received_order(service)
    service.later(minutes=1)  # the provider pays

    def sums() -> list[int]:
        with service.services.database.reading() as db:
            return list(db.scalars(select(PaidSum.amount)))

    before = sums()
    service.later(days=2)
    with service.services.database.reading() as db:
        paid = sum(db.scalars(select(Payout.amount).where(Payout.status == "paid")))
    assert (before, sums()) == ([], [paid])
    assert paid


def test_finished_jobs_are_deleted_after_two_weeks(service: Service) -> None:
    service.gateway.text(JOY, "MENU")
    service.later(hours=1)  # the answer is sent
    service.later(hours=1)  # and its delivery report arrives
    service.later(days=12)
    assert jobs(service)
    service.later(days=3)
    assert not jobs(service)


def jobs(service: Service) -> int:
    with service.services.engine.connect() as conn:
        return int(conn.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one())
