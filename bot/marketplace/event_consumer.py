"""Reads a marketplace's events in order and passes each to a handler, exactly once, across crashes and workers.

The position is saved in the transaction of the handler, so that both are committed or neither is. New events are
read before that transaction begins, so that no lock is held during a request to a remote marketplace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from state import cursor

BATCH_SIZE = 100

T = TypeVar("T")


def from_the_first_event() -> int:
    """The start position of a consumer that must handle every event."""
    return 0


@dataclass(frozen=True, slots=True)
class EventConsumer(Generic[T]):
    """Calls `handle` with each event. Each consumer stores its position under its own `name`.

    The position is the number of the last event that was handled. `read(after, limit)` returns the first events after
    the one with the number `after`, each with its number, oldest first; the numbers need not grow. It may raise
    Unreachable. `start` returns the position of a consumer that has none stored yet.
    """

    name: str
    read: Callable[[int, int], Sequence[tuple[int, T]]]
    handle: Callable[[Session, T], None]
    database: Database
    start: Callable[[], int] = from_the_first_event

    def consume(self) -> int:
        """Handles the next batch of events; returns how many. Raises Unreachable."""
        with self.database.reading() as session:
            stored = cursor.find(session.connection(), self.name)
        position = self.start() if stored is None else stored
        batch = self.read(position, BATCH_SIZE)
        if not batch and stored is not None:
            return 0
        with self.database.writing.begin() as session:
            return self._handle(session, position, batch)

    def _handle(self, session: Session, position: int, batch: Sequence[tuple[int, T]]) -> int:
        """Handles the batch, without the events that another worker has handled since the batch was read."""
        conn = session.connection()
        reached = cursor.read_for_update(conn, self.name) or position
        places = [position, *(number for number, _ in batch)]
        remaining = batch[places.index(reached) :] if reached in places else ()
        for _, event in remaining:
            self.handle(session, event)
        cursor.move(conn, self.name, remaining[-1][0] if remaining else reached)
        return len(remaining)
