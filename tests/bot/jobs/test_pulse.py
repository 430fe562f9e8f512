"""The pulse: waiting threads ask for work only after it has seen some."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from bot.jobs import pulse
from bot.jobs.pulse import Pulse, Work
from bot.worker import pulse as worker_pulse
from bot.worker import run
from tests.bot.fixtures import JOY, place_order
from tests.bot.messaging.fakes import queue_message
from tests.service import Service

LIMIT_S = 30.0


@dataclass
class Waiting:
    """A thread of a worker that counts how often it looks for work, and never finds any."""

    pulse: Pulse
    looks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=run, args=(self.looks.release, self.stop, self.pulse), daemon=True)
        self.thread.start()

    def has_looked(self) -> bool:
        return self.looks.acquire(timeout=LIMIT_S)

    def has_ended(self) -> bool:
        self.thread.join(LIMIT_S)
        return not self.thread.is_alive()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread looks by itself within a test."""
    monkeypatch.setattr(pulse, "PATIENCE_S", 10 * LIMIT_S)


def test_threads_look_once_for_each_beat() -> None:
    work = Work(is_due=False, newest_event=7)
    beating = Pulse(lambda: work)
    beating.step()
    waiting = [Waiting(beating) for _ in range(3)]
    assert all(thread.has_looked() for thread in waiting)  # before they wait

    for _ in range(5):
        beating.step()  # nothing is due, and there is no new event
    assert beating.beats == 1
    for later in (Work(False, 8), Work(True, 8), Work(True, 8)):
        work = later
        beating.step()
        assert all(thread.has_looked() for thread in waiting)
    assert beating.beats == 4
    for thread in waiting:
        thread.stop.set()
    beating.beat()
    assert all(thread.has_ended() for thread in waiting)
    assert not any(thread.looks.acquire(blocking=False) for thread in waiting)


def test_a_beat_between_a_look_and_the_wait_is_not_missed() -> None:
    beating = Pulse(lambda: Work(False, None))
    seen = beating.beats
    beating.beat()
    beating.wait(seen)  # returns at once; otherwise the test ends by its time limit


def test_the_pulse_of_a_worker_beats_for_due_jobs_and_new_events_alone(service: Service) -> None:
    beating = worker_pulse(service.services)

    def beats() -> int:
        before = beating.beats
        beating.step()
        return beating.beats - before

    service.work()
    beats()
    assert [beats(), beats()] == [0, 0]
    place_order(service)
    assert [beats(), beats()] == [1, 0]
    queue_message(service, JOY, "hello")
    assert [beats(), beats()] == [1, 1]  # until it is claimed
    service.work()
    beats()
    assert [beats(), beats()] == [0, 0]
