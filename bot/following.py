"""Following the shop's events: each is taken once, in its order, however often a worker dies.

A follower moves its place in the transaction of what it does, so that both are kept or neither is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.clock import Clock
from bot.market import Database
from marketplace_api import events
from marketplace_api.models import Event
from marketplace_api.shop import Ids, Shop, Terms
from state import cursor

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Follower:
    """Hands each event to `take`; its place is kept under `name`, so followers do not hold one another up."""

    name: str
    take: Callable[[Shop, Event], None]
    database: Database
    clock: Clock
    ids: Ids
    terms: Terms

    def follow(self) -> int:
        """Takes the events that are new; how many there were."""
        with self.database.writing.begin() as session:
            shop, conn = Shop(session, self.clock(), self.ids, self.terms), session.connection()
            fresh = events.since(shop, cursor.read_for_update(conn, self.name), AT_ONCE)
            for event in fresh:
                self.take(shop, event)
            if fresh:
                cursor.move(conn, self.name, fresh[-1].seq)
        return len(fresh)

    def anything(self) -> bool:
        """Whether there is something new; asked without taking the one write lock that SQLite has."""
        with self.database.reading() as session:
            shop = Shop(session, self.clock(), self.ids, self.terms)
            return bool(events.since(shop, cursor.read(session.connection(), self.name), 1))
