"""Runs two requests of one phone in a chosen order of steps.

Each request runs in a thread of its own and stops before every call of the session store, and after it has loaded the
session, with a claim or without. A schedule
says who goes on: `ABBTA` lets the first request take one step and the second one two, moves the clock past the lease,
and lets the first one take a step. Then both go on in turns. So an order of steps is the same in every run, and nothing
depends on speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, cycle
from queue import SimpleQueue
from threading import local
from typing import Any, Literal, TypeVar

from state.sessions import Sessions
from tests.threads import LIMIT_S, together

Step = Literal["A", "B", "T"]
Schedule = Sequence[Step]
T = TypeVar("T")

STOPS = 3
"""Where a request through menus stops that meets no other: before it loads the session, after it, and before its save.

One with a command stops before its claim and after it too; the requests take these further steps in turns.
"""


def schedules() -> Iterator[Schedule]:
    """Every order of the steps of two requests, without and with an end of the lease at every place."""
    for places in combinations(range(2 * STOPS), STOPS):
        order: list[Step] = ["A" if place in places else "B" for place in range(2 * STOPS)]
        yield order
        yield from ([*order[:at], "T", *order[at:]] for at in range(1, len(order)))


@dataclass
class _Actor:
    """A request in its thread: it goes on when `go` gets something, and puts its name into `stopped` when it stops."""

    go: SimpleQueue[None] = field(default_factory=SimpleQueue)
    has_ended: bool = False


class SteppedSessions:
    """Wraps a session store, so that the threads of `play` stop at it; other threads do not."""

    def __init__(self, store: Sessions) -> None:
        self._store = store
        self._actors: dict[str, _Actor] = {}
        self._stopped: SimpleQueue[str] = SimpleQueue()
        self._mine = local()

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._store, name)

        def stopping(*arguments: Any, **terms: Any) -> Any:
            self._stop()
            answer = called(*arguments, **terms)
            if name in ("look", "claim"):
                self._stop()
            return answer

        return stopping

    def pause(self, _seconds: float) -> None:
        """Takes no time: the claim after it stops anyway."""

    def _stop(self) -> None:
        """In a thread of `play`: say that it has stopped, and wait until it may go on."""
        name = getattr(self._mine, "name", None)
        if name:
            self._stopped.put(name)
            self._actors[name].go.get(timeout=LIMIT_S)

    def play(
        self, schedule: Schedule, first: Callable[[], T], second: Callable[[], T], later: Callable[[], object]
    ) -> tuple[T, T]:
        """Run both requests by the schedule; returns what they returned. `later` moves the clock past the lease."""
        self._actors = {"A": _Actor(), "B": _Actor()}
        self._stopped = SimpleQueue()

        def act(number: int) -> T | None:
            if number == 2:
                self._direct(schedule, later)
                return None
            self._mine.name = name = "AB"[number]
            try:
                return (first, second)[number]()
            finally:
                self._mine.name = None
                self._actors[name].has_ended = True
                self._stopped.put(name)

        one, two, _ = together(3, act)
        return one, two  # type: ignore[return-value]

    def _direct(self, schedule: Schedule, later: Callable[[], object]) -> None:
        for _ in self._actors:
            self._stopped.get(timeout=LIMIT_S)  # both stand before their claim
        for step in schedule:
            if step == "T":
                later()
            else:
                self._advance(step)
        for name in cycle("AB"):
            if all(actor.has_ended for actor in self._actors.values()):
                return
            self._advance(name)

    def _advance(self, name: str) -> None:
        """Let a request go on until it stops again, or ends."""
        actor = self._actors[name]
        if not actor.has_ended:
            actor.go.put(None)
            self._stopped.get(timeout=LIMIT_S)
