"""Worker processes: any number share the messages to send, and a stopping worker leaves no message half done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

from flask import Flask, request

from bot.marketplace.port import Unreachable
from bot.messaging import queue
from bot.messaging.dispatcher import OPTIONS, WORKERS
from bot.messaging.queue import NewMessage
from bot.worker import run
from tests.bot.fixtures import outgoing_messages
from tests.http_server import running_app
from tests.service import Service

ROOT = Path(__file__).parents[2]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""Due by the clock of every machine: the processes use the real time."""


class SlowProvider:
    """Africa's Talking: accepts every message, and answers when `answers` is set."""

    def __init__(self) -> None:
        self.answers, self.asked = Event(), Semaphore(0)
        self.taken: list[str] = []
        self.app = Flask(__name__)
        self.app.add_url_rule("/version1/messaging", view_func=self.take, methods=["POST"])

    def take(self) -> tuple[dict[str, Any], int]:
        msisdn = request.form["to"]
        self.taken.append(msisdn)
        self.asked.release()
        self.answers.wait()
        accepted = {
            "statusCode": 101,
            "number": msisdn,
            "status": "Success",
            "messageId": f"ATXid_{msisdn}",
            "cost": "0",
        }
        return {"SMSMessageData": {"Message": "Sent", "Recipients": [accepted]}}, 201

    def wait_for_requests(self, times: int) -> None:
        """Wait until that many requests have arrived."""
        for _ in range(times):
            assert self.asked.acquire(timeout=60), "no worker asks"


class Gaps(Event):
    """A stop signal that records the seconds of each wait, and stops after `most` of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.waited = most, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0)
        if len(self.waited) == self.most:
            self.set()
        return self.is_set()


def test_a_step_that_fails_runs_again_after_growing_gaps_until_it_succeeds() -> None:
    outcomes = iter([OSError(), Unreachable("down"), Unreachable("busy", timedelta(seconds=40)), None, OSError(), None])

    def step() -> bool:
        outcome = next(outcomes)
        if outcome:
            raise outcome
        return False

    gaps = Gaps(most=6)
    run(step, gaps, 0.25)
    assert gaps.waited == [2, 4, 40, 0.25, 2, 0.25]


@contextmanager
def workers(service: Service, provider: SlowProvider, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """`count` worker processes on the service's database, each as `script/worker` starts it."""
    with running_app(provider.app) as url:
        at = {"SMS_PROVIDER": "africastalking", "AT_USERNAME": "soko", "AT_API_KEY": "key", "AT_BASE_URL": url}
        environment = os.environ | at | {"DATABASE_URL": service.settings.database_url}
        command = [sys.executable, "-m", "bot.worker"]
        started = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) for _ in range(count)
        ]
        try:
            yield started
        finally:
            provider.answers.set()
            for process in started:
                process.kill()
                process.wait()


def queue_messages(service: Service, count: int) -> list[str]:
    """Queue `count` messages, each to another phone; returns their MSISDNs."""
    msisdns = [f"+254733001{n:03}" for n in range(count)]
    with service.services.database.writing.begin() as session:
        for msisdn in msisdns:
            text = NewMessage(msisdn, msisdn, "hello", "en", "order.placed")
            queue.add(session.connection(), text, service.services.ids.new_id("msg"), LONG_AGO)
    return msisdns


def statuses(service: Service) -> Counter[str]:
    return Counter(text.status for text in outgoing_messages(service))


def test_several_workers_send_every_message_once(service: Service) -> None:
    # There are more messages than two workers claim. Without answers each worker sends one request per thread, so all
    # three workers have begun when more requests have arrived than two workers have threads.
    msisdns, provider = queue_messages(service, 2 * OPTIONS.claimed_at_most + 10), SlowProvider()
    with workers(service, provider, 3) as started:
        provider.wait_for_requests(2 * WORKERS + 1)
        provider.answers.set()
        provider.wait_for_requests(len(msisdns) - 2 * WORKERS - 1)
        for process in started:
            process.terminate()
        assert [process.wait(timeout=10) for process in started] == [0, 0, 0]

    assert Counter(provider.taken) == Counter(msisdns)
    assert statuses(service) == {"sent": len(msisdns)}


def test_a_stopping_worker_finishes_started_messages_and_releases_the_others(service: Service) -> None:
    queue_messages(service, WORKERS + 5)
    provider = SlowProvider()
    with workers(service, provider, 1) as (process,):
        provider.wait_for_requests(WORKERS)
        process.terminate()
        while statuses(service)["queued"] < 5:
            """They are released before the others have finished."""
        provider.answers.set()
        assert process.wait(timeout=10) == 0

    assert statuses(service) == {"sent": WORKERS, "queued": 5}
    assert len(provider.taken) == WORKERS
