"""Following what happens in a shop: each event is taken once, in its order, however often a worker dies.

A follower moves its place in the transaction of what it does, so that both are kept or neither is. What is new is read
before that, so that no lock is held while a shop elsewhere is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.marketplace.port import Unreachable
from state import cursor

AT_ONCE = 100

T = TypeVar("T")


def from_the_first() -> int:
    """Where a follower begins that was there before anything happened."""
    return 0


@dataclass(frozen=True, slots=True)
class EventConsumer(Generic[T]):
    """Hands each event to `take`; its place is kept under `name`, so followers do not hold one another up.

    `since` gives so many events after a number, oldest first, each with its own; it may raise Unreachable.
    """

    name: str
    since: Callable[[int, int], Sequence[tuple[int, T]]]
    take: Callable[[Session, T], None]
    database: Database
    begins: Callable[[], int] = from_the_first

    def follow(self) -> int:
        """Takes the events that are new; how many there were."""
        with self.database.reading() as session:
            begun = cursor.find(session.connection(), self.name)
        try:
            position = self.begins() if begun is None else begun
            fresh = self.since(position, AT_ONCE)
        except Unreachable:
            return 0
        if not fresh and begun is not None:
            return 0
        with self.database.writing.begin() as session:
            return self._take(session, position, fresh)

    def _take(self, session: Session, position: int, fresh: Sequence[tuple[int, T]]) -> int:
        """Another worker may have taken some of it meanwhile."""
        conn = session.connection()
        reached = max(cursor.read_for_update(conn, self.name), position)
        untaken = [(number, event) for number, event in fresh if number > reached]
        for _, event in untaken:
            self.take(session, event)
        cursor.move(conn, self.name, untaken[-1][0] if untaken else reached)
        return len(untaken)
