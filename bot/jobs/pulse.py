"""The pulse of a worker: one thread looks whether there is anything to do, and wakes all threads that wait for it.

Without it, each of a worker's threads would ask the database four times a second by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

PATIENCE_S = 5.0
"""Seconds after which a waiting thread looks by itself, for example while the pulse waits for a lost database."""


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do: whether a job is due, and what changes with each new event."""

    is_due: bool
    newest_event: Hashable


class Pulse:
    """Wakes threads when `look` finds a due job, or another newest event than before."""

    def __init__(self, look: Callable[[], Work]) -> None:
        self._look = look
        self._newest_event: Hashable = None
        self._beats = 0
        self._beating = threading.Condition()

    @property
    def beats(self) -> int:
        """How often it has woken the threads. Read it before looking for work, and give it to `wait`."""
        return self._beats

    def step(self) -> None:
        """Look once, and wake the waiting threads if there may be something to do."""
        work = self._look()
        if work.is_due or work.newest_event != self._newest_event:
            self._newest_event = work.newest_event
            self.beat()

    def beat(self) -> None:
        """Wake the waiting threads."""
        with self._beating:
            self._beats += 1
            self._beating.notify_all()

    def wait(self, seen: int) -> None:
        """Wait for a beat after the first `seen` ones, at most `PATIENCE_S`."""
        with self._beating:
            self._beating.wait_for(lambda: self._beats > seen, PATIENCE_S)
