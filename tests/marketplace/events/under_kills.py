"""What a process does that writes events, and one that reads them, until it is killed.

What a reader handles goes into the table `handled`, once for each time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Session

from bot.db.engine import create_engine
from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from marketplace_api.events import events
from marketplace_api.models import Event
from marketplace_api.shop import Ids, Shop
from tests.actors import TESTER
from tests.marketplace.conftest import TERMS

MOST_AT_ONCE = 20
"""Events of one statement."""
MOST_UNREAD = 200
"""How far writers may be ahead of the slowest reader, so that readers come to what open transactions are writing."""
PAUSE_S = 0.002
"""How long a process waits before it looks again whether there is something to do."""
WRITER = "writer of events"
"""The `application_name` of a writer's connection."""
HANDLED = "CREATE TABLE handled (place bigserial PRIMARY KEY, consumer text NOT NULL, seq bigint NOT NULL)"
_NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
_UNREAD = text("SELECT (SELECT max(seq) FROM event) - (SELECT min(position) FROM cursor)")
_HANDLED = text("INSERT INTO handled (consumer, seq) SELECT :consumer, unnest(cast(:numbers AS bigint[]))")


def write(url: str, seed: float) -> None:
    """Write events in transactions of all kinds: short and long ones, with and without an early number, undone ones."""
    database, chance = Database.of(create_engine(f"{url}&application_name={quote(WRITER)}")), Random(seed)
    while True:
        with database.writing() as session:
            while (session.scalar(_UNREAD) or 0) > MOST_UNREAD:
                session.rollback()
                time.sleep(PAUSE_S)
            if chance.random() < 0.5:
                session.execute(select(func.pg_current_xact_id()))
            for count in chance.choices(range(1, MOST_AT_ONCE), k=chance.randrange(1, 4)):
                rows = [_row(chance) for _ in range(count)]
                session.execute(insert(Event), rows)
            if chance.random() < 0.05:
                session.rollback()
            else:
                session.commit()


def _row(chance: Random) -> dict[str, object]:
    id = f"evt_{UUID(int=chance.getrandbits(128))}"
    return {"id": id, "type": "product.updated", "created_at": _NOW, "data": {"id": "prd_1"}, "by": None}


def read(url: str, name: str) -> None:
    """Handle every event, as the reader whose cursor has this name."""
    database = Database.of(create_engine(url))

    def since(after: int, limit: int) -> Sequence[tuple[int, Event]]:
        with database.reading() as session:
            shop = Shop(session, _NOW, Ids(Random(0)), TERMS, TESTER)
            return [(event.seq, event) for event in events.since(shop, after, limit)]

    def handle(session: Session, event: Event) -> None:
        session.info.setdefault("handled", []).append(event.seq)

    @listens_for(database.writing, "before_commit")
    def store(session: Session) -> None:
        session.execute(_HANDLED, {"consumer": name, "numbers": session.info.pop("handled", [])})

    consumer = EventConsumer(name, since, handle, database)
    while True:
        if not consumer.consume():
            time.sleep(PAUSE_S)
