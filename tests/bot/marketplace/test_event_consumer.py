"""The consumer of events: each is handled once, in the order in which the marketplace gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from tests.databases import engine_for

STREAM = (3, 5, 4, 7)
"""The numbers of all events, in their order."""


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[Database]:
    engine = engine_for(migrated_database_url)
    yield Database.of(engine)
    engine.dispose()


def nothing() -> None:
    """Happens between reading and handling."""


def consumer(
    database: Database,
    handled: list[int],
    at_once: int = 100,
    meanwhile: Callable[[], object] = nothing,
    start: int = 0,
) -> EventConsumer[int]:
    def read(after: int, limit: int) -> Sequence[tuple[int, int]]:
        found = (0, *STREAM).index(after)
        batch = [(number, number) for number in STREAM[found : found + at_once]]
        meanwhile()
        return batch

    def handle(_session: Session, number: int) -> None:
        handled.append(number)

    return EventConsumer("follower", read, handle, database, lambda: start)


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
def test_a_later_event_may_have_a_lower_number(database: Database, at_once: int) -> None:
    handled: list[int] = []
    following = consumer(database, handled, at_once)
    while following.consume():
        pass
    assert tuple(handled) == STREAM


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
@pytest.mark.parametrize("others", [1, 2, 3, 4])
def test_what_another_worker_has_handled_meanwhile_is_not_handled_again(
    database: Database, at_once: int, others: int
) -> None:
    handled: list[int] = []
    another = consumer(database, handled, others)
    consumer(database, handled, at_once, another.consume).consume()
    while another.consume():
        pass
    assert tuple(handled) == STREAM


def test_a_new_consumer_begins_at_its_start_and_keeps_it(database: Database) -> None:
    handled: list[int] = []
    assert consumer(database, handled, start=7).consume() == 0
    assert consumer(database, handled, start=3).consume() == 0
    assert handled == []


def test_of_two_new_consumers_both_begin_at_the_start(database: Database) -> None:
    handled: list[int] = []
    another = consumer(database, handled, start=5)
    consumer(database, handled, 1, another.consume, start=5).consume()
    assert handled == [4, 7]
