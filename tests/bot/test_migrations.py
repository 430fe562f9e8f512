"""The schema's one history: it goes up, down and up again, and ends in exactly the tables the rooms declare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from bot import migrate
from bot.database import create_engine
from bot.settings import Settings


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def differences(engine: Engine) -> list[object]:
    """What a new revision would have to change."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, list(migrate.TABLES)))  # type: ignore[arg-type]


def test_it_goes_up_down_and_up_again(engine: Engine) -> None:
    declared = {table.name for metadata in migrate.TABLES for table in metadata.sorted_tables}
    migrate.move(engine, "head")
    assert tables(engine) == declared
    migrate.move(engine, "base")
    assert tables(engine) == set()
    migrate.move(engine, "head")
    assert tables(engine) == declared


def test_it_ends_in_the_tables_that_are_declared(engine: Engine) -> None:
    migrate.move(engine, "head")

    assert differences(engine) == []


def test_a_difference_would_be_seen(engine: Engine) -> None:
    migrate.move(engine, "head")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE message DROP COLUMN topic")

    assert differences(engine) != []


def test_going_up_twice_changes_nothing(database_url: str, engine: Engine) -> None:
    settings = Settings(database_url=database_url)
    migrate.upgrade(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO cursor (name, position) VALUES ('announcements', 7)")
    migrate.upgrade(settings)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT position FROM cursor").scalar() == 7
