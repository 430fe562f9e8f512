"""A hop's ways into the database: what is written together, and what is let go of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import sessionmaker

from bot.db.engine import create_engine
from bot.db.unit_of_work import Database, UnitOfWork
from state import people

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
AMINA, JOY = "+254711000111", "+254733000333"


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[Database]:
    engine = create_engine(migrated_database_url)
    yield Database(sessionmaker(engine.execution_options(read_only=True)), sessionmaker(engine))
    engine.dispose()


@pytest.fixture
def work(database: Database) -> Iterator[UnitOfWork]:
    with closing(UnitOfWork(database)) as work:
        yield work


def known(database: Database) -> list[str]:
    """Who is there for everybody to see."""
    with closing(UnitOfWork(database)) as work, work.reading() as conn:
        return [msisdn for msisdn in (AMINA, JOY) if people.find(conn, msisdn)]


def test_what_is_written_inside_is_kept_together(database: Database, work: UnitOfWork) -> None:
    with work.writing() as conn:
        people.set_language(conn, AMINA, "sw", NOW)
        with work.writing() as inner:
            assert inner is conn
            people.set_language(inner, JOY, "en", NOW)
        assert known(database) == []
    assert known(database) == [AMINA, JOY]


def test_what_breaks_keeps_nothing(database: Database, work: UnitOfWork) -> None:
    def break_off() -> None:
        with work.writing() as conn:
            with work.writing() as inner:
                people.set_language(inner, JOY, "en", NOW)
            people.set_language(conn, AMINA, "sw", NOW)
            raise LookupError

    with pytest.raises(LookupError):
        break_off()
    assert known(database) == []


def test_whoever_looks_while_something_is_written_sees_it(database: Database, work: UnitOfWork) -> None:
    with work.writing() as conn:
        people.set_language(conn, AMINA, "sw", NOW)
        with work.reading() as seen:
            assert people.find(seen, AMINA)
    assert known(database) == [AMINA]


def test_a_look_holds_nothing_and_sees_what_was_written_since(database: Database, work: UnitOfWork) -> None:
    with work.reading() as conn:
        assert people.find(conn, AMINA) is None
    with UnitOfWork(database).writing() as other:
        people.set_language(other, AMINA, "sw", NOW)
    with work.reading() as conn:
        assert people.find(conn, AMINA)
