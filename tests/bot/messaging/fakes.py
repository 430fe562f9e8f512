"""Fake SMS providers, and a worker that sends through them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from bot.jobs.runner import JobRunner
from bot.messaging import queue
from bot.messaging.queue import NewMessage, Priority, Topic
from bot.messaging.routing import Router, SendBatch, SendResult
from bot.providers.contracts import OutgoingMessage, Receipt, Sender
from bot.providers.errors import Reason, SendError
from bot.runtime.clock import Clock
from bot.worker import message_runner
from state import outbox
from state.messages import Message
from tests.bot.fixtures import outgoing_messages
from tests.service import Service

RETRYABLE = SendError(Reason.THROTTLED, "busy")
FINAL = SendError(Reason.INVALID_RECIPIENT)
OUTCOME_UNKNOWN = SendError(Reason.NO_ANSWER)


@dataclass
class FakeProvider:
    """Raises `errors` one after another, and then accepts every message."""

    clock: Clock
    errors: list[SendError] = field(default_factory=list)
    name: str = "africastalking"
    asked: list[tuple[datetime, OutgoingMessage]] = field(default_factory=list)

    def send(self, sms: OutgoingMessage) -> Receipt:
        self.asked.append((self.clock(), sms))
        if self.errors:
            raise self.errors.pop(0)
        return Receipt(f"ATXid_{len(self.asked)}", cost="KES 0.8000")

    @property
    def texts(self) -> list[str]:
        """The texts that it was asked to send, in order."""
        return [sms.text for _, sms in self.asked]


class HangingProvider(FakeProvider):
    """Gives no answer until `answers` is set; `asking` counts the calls."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asking, self.answers = threading.Semaphore(0), threading.Event()

    def send(self, sms: OutgoingMessage) -> Receipt:
        self.asking.release()
        self.answers.wait()
        return super().send(sms)


class KillingProvider:
    """Kills the process that asks it."""

    name = "africastalking"

    def send(self, sms: OutgoingMessage) -> Receipt:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


def unsent(msisdn: str) -> Message:
    """An SMS of which nothing is known but its recipient."""
    unknown: dict[str, Any] = dict.fromkeys(each.name for each in fields(Message))
    return Message(**unknown | {"msisdn": msisdn, "channel": "sms"})


def route_all_to(provider: Sender) -> Router:
    """Routes every message to this provider."""
    return Router({provider.name: provider}, {}, provider.name)


def with_fallback(first: Sender, fallback: Sender) -> Router:
    return Router({provider.name: provider for provider in (first, fallback)}, {}, first.name, fallback.name)


@contextmanager
def worker(service: Service, threads: int = 2, **parts: Any) -> Iterator[JobRunner[SendBatch, SendResult]]:
    """The runner that sends the service's messages; `parts` replace parts of its dispatcher."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        runner = message_runner(service.app, service.services, pool)
        yield replace(runner, dispatcher=replace(runner.dispatcher, **parts))


def deliver(service: Service, provider: Sender, *, minutes: int = 0) -> None:
    """Send what is due now, and what becomes due in the next `minutes`."""
    with worker(service, router=route_all_to(provider)) as runner:
        runner.step()
        for _ in range(minutes):
            service.clock.advance(60)
            runner.step()


@contextmanager
def hanging(service: Service, provider: HangingProvider, grace_s: float) -> Iterator[None]:
    """Runs a worker whose two threads wait for the provider, and tells it to stop."""
    stop = threading.Event()
    with worker(service, router=route_all_to(provider)) as runner:
        thread = threading.Thread(target=replace(runner, grace_s=grace_s).run, args=(stop,))
        thread.start()
        for _ in range(2):
            provider.asking.acquire()
        stop.set()
        try:
            yield
            thread.join()
        finally:
            provider.answers.set()


def queue_message(
    service: Service, msisdn: str, text: str, topic: Topic = "order.placed", priority: Priority = Priority.NOTIFICATION
) -> None:
    message = NewMessage(f"{msisdn}:{text}", msisdn, text, "en", topic, priority=priority)
    with service.services.database.writing.begin() as session:
        queue.add(session.connection(), message, service.services.ids.new_id("msg"), service.clock())


def only_message(service: Service) -> Message:
    (message,) = outgoing_messages(service)
    return message


def outbox_depth(service: Service) -> outbox.Depth:
    with service.services.database.reading() as session:
        return outbox.depth(session.connection(), service.clock())


def run_until_killed(work: Callable[[], object]) -> None:
    """Do the work in a child process, which must be killed by it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def kill_worker_while_sending(service: Service) -> None:
    """Another worker claims the due messages and is killed while it calls a provider."""
    service.services.close()  # no connection may be shared with the child process

    def work() -> None:
        with worker(service, router=route_all_to(KillingProvider())) as runner:
            runner.step()

    run_until_killed(work)
