"""Revision 0040: cursors from before it go on where they were, and those from after it too when it is undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from bot.db.engine import create_engine
from bot.migrations import upgrade
from marketplace_api.events import events
from marketplace_api.models import Event
from tests.marketplace.conftest import ShopDatabase

pytestmark = pytest.mark.every_store


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    upgrade.move(engine, "0037")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url)
    yield engine
    engine.dispose()


def write(session: Session, *ids: str) -> None:
    for id in ids:
        session.execute(
            text(
                "INSERT INTO event (id, type, created_at, data) "
                "VALUES (:id, 'product.updated', '2026-11-22 09:00:00', '{}')"
            ),
            {"id": id},
        )


def after(engine: Engine, cursor: int) -> Sequence[str]:
    with ShopDatabase(engine).open() as shop:
        return [event.id for event in events.since(shop, cursor, 100)]


def test_cursors_from_before_go_on_where_they_were(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        write(session, "one", "two", "three")
    upgrade.move(engine, "head")
    with Session(engine) as session, session.begin():
        write(session, "four")

    assert after(engine, 0) == ["one", "two", "three", "four"]
    assert after(engine, 2) == ["three", "four"]
    assert after(engine, 3) == ["four"]
    assert after(engine, 4) == []


@pytest.mark.parametrize(
    ("last_read", "read_again"),
    [("one", ["two", "five", "four"]), ("four", ["two", "five", "four"]), ("two", ["five", "four"]), ("five", [])],
)
def test_cursors_from_after_miss_nothing_when_the_revision_is_undone(
    postgres_engine: Engine, last_read: str, read_again: Sequence[str]
) -> None:
    engine = postgres_engine
    upgrade.move(engine, "head")
    with Session(engine) as session, session.begin():
        write(session, "one")
    with Session(engine) as earlier, Session(engine) as later:
        earlier.execute(text("SELECT pg_current_xact_id()"))
        write(later, "two", "five")
        write(earlier, "four")
        earlier.commit()
        later.commit()
    assert after(engine, 0) == ["one", "four", "two", "five"]
    with Session(engine) as session, session.begin():
        position = session.scalars(select(Event.seq).where(Event.id == last_read)).one()
        session.execute(text("INSERT INTO cursor VALUES ('webhooks', :position)"), {"position": position})

    upgrade.move(engine, "0037")
    with Session(engine) as session:
        kept = session.scalars(text("SELECT position FROM cursor")).one()
        later_ones = text("SELECT id FROM event WHERE seq > :kept ORDER BY seq")
        assert session.scalars(later_ones, {"kept": kept}).all() == read_again
