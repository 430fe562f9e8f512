"""A database that is moved to another PostgreSQL, whose transactions have lower numbers than the events in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from tests.databases import engine_for, migrate
from tests.marketplace.conftest import ShopDatabase
from tests.marketplace.events.test_order import CursorReader, write
from tests.servers import Postgres, running_postgres

pytestmark = pytest.mark.every_store

NUMBERS = 20_000
"""More transactions than it takes to make a new PostgreSQL and to restore a database there."""


def use_numbers(engine: Engine) -> None:
    """Give the server's next transactions higher numbers."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        loop = f"FOR each IN 1..{NUMBERS} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP"
        connection.execute(text(f"DO $$ BEGIN {loop}; END $$"))


@pytest.fixture
def moved(postgres_database: ShopDatabase, postgres_server: Postgres) -> Iterator[ShopDatabase]:
    """The shop on its new server, with the events `one` and `two`."""
    use_numbers(postgres_database.engine)
    for id in ("one", "two"):
        with postgres_database.open() as shop:
            write(shop, id)
    url = postgres_database.engine.url.render_as_string(hide_password=False)
    with running_postgres() as other, postgres_server.moved_database(url, other) as moved_url:
        engine = engine_for(moved_url)
        yield ShopDatabase(engine)
        engine.dispose()


def test_events_of_another_postgresql_are_followed_by_new_ones(
    moved: ShopDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    reader = CursorReader(moved, cursor=1)
    with moved.open() as shop:
        write(shop, "before the start")
    assert reader.read_all() == []

    url = moved.engine.url.render_as_string(hide_password=False)
    with caplog.at_level(logging.WARNING):
        migrate(url)
    assert "the events come from another PostgreSQL" in caplog.text
    assert reader.read_all() == ["two", "before the start"]

    caplog.clear()
    with moved.sessions() as earlier, moved.sessions() as later:
        write(moved.shop(later), "later")
        write(moved.shop(earlier), "earlier")
        earlier.commit()
        reader.read_all()
        later.commit()
    migrate(url)
    assert sorted(reader.read_all()[2:]) == ["earlier", "later"]
    assert caplog.text == ""


def test_events_that_stay_on_their_postgresql_are_not_numbered_anew(postgres_database: ShopDatabase) -> None:
    with postgres_database.open() as shop:
        write(shop, "one")
    migrate(postgres_database.engine.url.render_as_string(hide_password=False))
    with postgres_database.open() as shop:
        assert shop.session.scalar(text("SELECT event_offset()")) == 0
