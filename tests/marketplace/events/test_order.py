"""Events are read by cursor, each once and in order, while their writers do not wait for one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import combinations

import pytest
from sqlalchemy import func, select, text

from marketplace_api.events import events, webhooks
from marketplace_api.models import Event
from marketplace_api.shop import Shop
from tests.marketplace.conftest import ShopDatabase
from tests.recorded_sql import counted_steps
from tests.runs import some_of

pytestmark = pytest.mark.every_store


def begin(shop: Shop) -> None:
    """Let PostgreSQL number the transaction."""
    shop.session.execute(select(func.pg_current_xact_id()))


def write(shop: Shop, *ids: str) -> None:
    """Write events, and only these."""
    data = {"id": "prd_1"}
    shop.session.add_all(Event(id=id, type="product.updated", created_at=shop.now, data=data) for id in ids)
    shop.session.flush()


@dataclass
class CursorReader:
    """Reads by cursor, `at_once` events in each page."""

    database: ShopDatabase
    at_once: int = 100
    cursor: int = 0
    read: list[str] = field(default_factory=list)

    def read_all(self) -> list[str]:
        """Everything that this reader has read until now."""
        while page := self._page():
            self.read += [event.id for event in page]
            self.cursor = page[-1].seq
        return self.read

    def _page(self) -> Sequence[Event]:
        with self.database.open() as shop:
            return events.since(shop, self.cursor, self.at_once)


@dataclass
class Transactions:
    """Transactions that are open at the same time."""

    database: ShopDatabase
    _open: ExitStack

    def open(self) -> Shop:
        return self.database.shop(self._open.enter_context(self.database.sessions()))


@pytest.fixture
def transactions(postgres_database: ShopDatabase) -> Iterator[Transactions]:
    """What is still open at the end is rolled back."""
    with ExitStack() as stack:
        yield Transactions(postgres_database, stack)


@pytest.fixture
def reader(postgres_database: ShopDatabase) -> CursorReader:
    return CursorReader(postgres_database)


FIRST_TRANSACTION: Sequence[Callable[[Shop], None]] = (
    begin,
    lambda shop: write(shop, "a1"),
    lambda shop: write(shop, "a2", "a3"),
    lambda shop: shop.session.commit(),
)
SECOND_TRANSACTION: Sequence[Callable[[Shop], None]] = (
    begin,
    lambda shop: write(shop, "b1", "b2"),
    lambda shop: write(shop, "b3"),
    lambda shop: shop.session.commit(),
)
INTERLEAVINGS = list(combinations(range(8), 4))
"""At which of eight steps the first transaction goes on; at the others the second one does."""


@pytest.mark.parametrize("ended", ["commit", "rollback"])
def test_however_two_transactions_interleave_their_events_are_read_once(
    postgres_database: ShopDatabase, ended: str
) -> None:
    for steps_of_first in some_of(INTERLEAVINGS, least=14):
        readers = [CursorReader(postgres_database, at_once) for at_once in (1, 2, 100)]
        for reader in readers:
            reader.read_all()
            reader.read.clear()
        with postgres_database.sessions() as one, postgres_database.sessions() as other:
            shops = postgres_database.shop(one), postgres_database.shop(other)
            first, second = (iter(steps) for steps in (FIRST_TRANSACTION, SECOND_TRANSACTION))
            expected = {"a1", "a2", "a3", "b1", "b2", "b3"}
            for number in range(8):
                if number in steps_of_first:
                    next(first)(shops[0])
                elif number == max(set(range(8)) - set(steps_of_first)) and ended == "rollback":
                    shops[1].session.rollback()
                    expected -= {"b1", "b2", "b3"}
                else:
                    next(second)(shops[1])
                for reader in readers:
                    reader.read_all()
        for reader in readers:
            assert sorted(reader.read_all()) == sorted(expected), f"the first goes on at {steps_of_first}"
            assert [id for id in reader.read if id[0] == "a"] == ["a1", "a2", "a3"]
        _forget(postgres_database)


def _forget(database: ShopDatabase) -> None:
    """Delete the events, whose ids are used again."""
    with database.open() as shop:
        shop.session.execute(text("DELETE FROM event"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_later_transaction_with_a_lower_number_is_read_after_an_earlier_one(
    transactions: Transactions, reader: CursorReader, order: tuple[int, int]
) -> None:
    earlier, later = transactions.open(), transactions.open()
    begin(earlier)
    begin(later)
    write(later, "lower number")
    write(earlier, "higher number")
    for place in order:
        (earlier, later)[place].session.commit()
        if place == 1:
            assert reader.read_all() == ([] if order[0] == 1 else ["higher number", "lower number"])
        reader.read_all()

    assert reader.read_all() == ["higher number", "lower number"]
    assert events.newest(transactions.open()) == reader.cursor


def test_what_happens_under_a_lock_is_read_in_the_order_of_the_lock(
    transactions: Transactions, reader: CursorReader
) -> None:
    """The transaction that was numbered first takes the lock last."""
    earlier, later = transactions.open(), transactions.open()
    begin(earlier)
    begin(later)
    write(later, "accepted")
    later.session.commit()
    write(earlier, "cancelled")
    earlier.session.commit()

    assert reader.read_all() == ["accepted", "cancelled"]


def test_events_of_savepoints_are_read_too_and_those_of_undone_ones_are_not(
    transactions: Transactions, reader: CursorReader
) -> None:
    shop, other = transactions.open(), transactions.open()
    with shop.session.begin_nested():
        write(shop, "kept")
    with shop.session.begin_nested() as undone:
        write(shop, "undone")
        undone.rollback()
    write(other, "other")
    other.session.commit()
    assert reader.read_all() == []
    shop.session.commit()

    assert sorted(reader.read_all()) == ["kept", "other"]


@contextmanager
def _reading(transactions: Transactions) -> Iterator[None]:
    """A dump, for instance: it reads all of the time what was there at its beginning."""
    shop = transactions.open()
    shop.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    events.since(shop, 0, 100)
    yield
    shop.session.rollback()


@contextmanager
def _writing(transactions: Transactions) -> Iterator[None]:
    shop = transactions.open()
    begin(shop)
    yield
    shop.session.rollback()


def test_only_open_transactions_that_write_delay_readers(transactions: Transactions, reader: CursorReader) -> None:
    with _reading(transactions), transactions.database.open() as shop:
        write(shop, "one")
    with _reading(transactions):
        assert reader.read_all() == ["one"]

    with _writing(transactions):
        with transactions.database.open() as shop:
            write(shop, "two")
        assert reader.read_all() == ["one"]
        with transactions.database.open() as shop:
            assert events.count_since(shop, reader.cursor) == 1
    assert reader.read_all() == ["one", "two"]


def test_a_cursor_beyond_the_last_event_waits_for_higher_numbers(database: ShopDatabase) -> None:
    """A client may have it when the database is restored as it was earlier."""
    with database.open() as shop:
        write(shop, "one", "two")
    reader = CursorReader(database, cursor=3)
    assert reader.read_all() == []

    with database.open() as shop:
        write(shop, "three", "four")
    assert reader.read_all() == ["four"]


def test_an_endpoint_gets_what_is_committed_after_it_was_made(transactions: Transactions) -> None:
    database, open_meanwhile = transactions.database, transactions.open()
    with database.open() as shop:
        write(shop, "before")
    begin(open_meanwhile)
    write(open_meanwhile, "meanwhile")
    with database.open() as shop:
        webhooks.create(shop, "key of the settings", "operator", "https://shop.example/soko")
    open_meanwhile.session.commit()
    with database.open() as shop:
        write(shop, "afterwards")

    with database.open() as shop:
        pushed = [event.id for event in events.since(shop, 0, 100) if webhooks.deliveries_for(shop, event)]
    assert pushed == ["meanwhile", "afterwards"]


def test_reading_costs_the_same_after_many_events(sqlite_database: ShopDatabase) -> None:
    def steps_after(count: int) -> int:
        with sqlite_database.open() as shop:
            write(shop, *(f"{count} {number}" for number in range(count)))
            last = events.newest(shop)
            with counted_steps(sqlite_database.engine) as steps:
                assert [event.seq for event in events.since(shop, last - 1, 100)] == [last]
                assert events.count_since(shop, last - 1) == 1
                assert events.newest(shop) == last
            return steps.total()

    assert steps_after(10) == steps_after(1_000)
