"""The transactions of one hop: writes are committed together, and reads see new data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from bot.db.unit_of_work import Database, UnitOfWork
from state import people
from tests.databases import engine_for

pytestmark = pytest.mark.every_store

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
AMINA, JOY = "+254711000111", "+254733000333"


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[Database]:
    engine = engine_for(migrated_database_url)
    yield Database.of(engine)
    engine.dispose()


@pytest.fixture
def work(database: Database) -> Iterator[UnitOfWork]:
    with closing(UnitOfWork(database)) as work:
        yield work


def stored(database: Database) -> list[str]:
    """The people that another transaction sees."""
    with closing(UnitOfWork(database)) as work, work.reading() as conn:
        return [msisdn for msisdn in (AMINA, JOY) if people.find(conn, msisdn)]


def test_everything_written_inside_is_committed_together(database: Database, work: UnitOfWork) -> None:
    with work.writing() as conn:
        people.set_language(conn, AMINA, "sw", NOW)
        with work.writing() as inner:
            assert inner is conn
            people.set_language(inner, JOY, "en", NOW)
        assert stored(database) == []
    assert stored(database) == [AMINA, JOY]


def test_an_exception_rolls_everything_back(database: Database, work: UnitOfWork) -> None:
    def fail() -> None:
        with work.writing() as conn:
            with work.writing() as inner:
                people.set_language(inner, JOY, "en", NOW)
            people.set_language(conn, AMINA, "sw", NOW)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert stored(database) == []


def test_a_read_inside_a_write_transaction_sees_what_was_written(database: Database, work: UnitOfWork) -> None:
    with work.writing() as conn:
        people.set_language(conn, AMINA, "sw", NOW)
        with work.reading() as inner:
            assert people.find(inner, AMINA)
    assert stored(database) == [AMINA]


def test_a_second_read_sees_what_others_wrote_since_the_first(database: Database, work: UnitOfWork) -> None:
    with work.reading() as conn:
        assert people.find(conn, AMINA) is None
    with UnitOfWork(database).writing() as other:
        people.set_language(other, AMINA, "sw", NOW)
    with work.reading() as conn:
        assert people.find(conn, AMINA)
