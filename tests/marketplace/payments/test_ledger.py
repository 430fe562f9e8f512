"""The ledger: each entry sums to zero, is written once and stays; balances are sums of postings."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DatabaseError

from marketplace_api.actors import Actor
from marketplace_api.models import LedgerCheckpoint, LedgerEntry
from marketplace_api.payments import currency, ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import ShopDatabase
from tests.threads import together

pytestmark = pytest.mark.every_store

AMINA = ledger.artisan_account("art_1")
SALE = {ledger.BANK: 300_000, AMINA: -270_000, ledger.COMMISSION: -30_000}

shares = st.dictionaries(st.sampled_from([f"a{n}" for n in range(5)]), st.integers(-(10**9), 10**9), min_size=1)


def balanced(lines: dict[str, int]) -> dict[str, int]:
    return lines | {"rest": -sum(lines.values())}


def test_an_entry_changes_the_balance_of_its_accounts(database: ShopDatabase) -> None:
    with database.open() as shop:
        assert ledger.post(shop, "sale", "goods", SALE)
        assert {account: ledger.balance(shop, account) for account in SALE} == SALE
        assert ledger.balance(shop, "nobody's") == 0
        assert list(ledger.inconsistencies(shop)) == []


def test_an_entry_is_written_once_under_its_key(database: ShopDatabase) -> None:
    with database.open() as shop:
        assert ledger.post(shop, "sale", "goods", SALE)
        assert not ledger.post(shop, "sale", "goods", SALE)
        assert ledger.balance(shop, AMINA) == -270_000
        with pytest.raises(ValueError, match="another fact"):
            ledger.post(shop, "sale", "goods", {ledger.BANK: 1, AMINA: -1})


def test_an_entry_written_by_many_at_once_is_written_once(database: ShopDatabase) -> None:
    def enter(_number: int) -> bool:
        with database.open() as shop:
            return ledger.post(shop, "sale", "goods", SALE)

    assert sorted(together(5, enter)) == [False] * 4 + [True]
    with database.open() as shop:
        assert ledger.balance(shop, AMINA) == -270_000


@pytest.mark.parametrize(
    "postings",
    [
        {},
        {AMINA: 5},
        {AMINA: 0, ledger.BANK: 0},
        {AMINA: -5, ledger.BANK: 6},
        {AMINA: -(10**14), ledger.BANK: 10**14},
    ],
)
def test_unbalanced_or_too_large_postings_are_refused(database: ShopDatabase, postings: dict[str, int]) -> None:
    with database.open() as shop:
        with pytest.raises(ValueError, match="no entry"):
            ledger.post(shop, "slip", "", postings)
        assert shop.session.scalars(select(LedgerEntry)).all() == []


def test_an_account_keeps_its_currency(database: ShopDatabase) -> None:
    with database.open() as shop:
        ledger.post(shop, "sale", "goods", SALE)
    with database.open() as shop, pytest.raises(Refused, match="wrong_currency"):
        ledger.post(shop, "foreign", "goods", SALE, currency="USD")
    with database.open() as shop:
        assert ledger.balance(shop, AMINA) == -270_000


def test_a_reversal_is_an_entry_of_its_own(database: ShopDatabase) -> None:
    with database.open() as shop:
        ledger.post(shop, "sale", "goods", SALE)
        assert ledger.reverse(shop, "sale", "never came")
        assert not ledger.reverse(shop, "sale", "never came")
        assert ledger.balance(shop, AMINA) == 0
        assert [entry.key for entry in shop.session.scalars(select(LedgerEntry))] == ["sale", "reversal:sale"]
        with pytest.raises(Refused, match="unknown_entry"):
            ledger.reverse(shop, "no such", "")


APPEND_ONLY = ("ledger_account", "ledger_entry", "ledger_posting", "ledger_checkpoint", "shop_currency")


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_database_refuses_to_change_replace_or_delete_a_row(database: ShopDatabase, table: str) -> None:
    with database.open() as shop:
        ledger.post(shop, "sale", "goods", SALE)
        ledger.checkpoint(shop)
        currency.keep(shop.session, "KES")
    columns = inspect(database.engine).get_columns(table)
    every = ", ".join(f'"{column["name"]}"' for column in columns)
    first = f'"{columns[0]["name"]}"'
    statements = [f"UPDATE {table} SET {first} = {first}", f"DELETE FROM {table}"]
    if database.engine.dialect.name == "sqlite":
        statements.append(f"REPLACE INTO {table} SELECT * FROM {table}")
        statements.append(f"INSERT OR REPLACE INTO {table} ({every}) SELECT {every} FROM {table} LIMIT 1")
    else:
        statements.append(f"TRUNCATE {table} CASCADE")
    for statement in statements:
        with pytest.raises(DatabaseError, match="append-only"), database.engine.begin() as connection:
            connection.execute(text(statement))


def test_an_entry_is_not_replaced_under_its_key(sqlite_database: ShopDatabase) -> None:
    """`REPLACE INTO` with a new number and a used key deletes the entry that has the key."""
    with sqlite_database.open() as shop:
        ledger.post(shop, "sale", "goods", SALE)
    replacing = "REPLACE INTO ledger_entry (id, key, note, at) SELECT id + 1000, key, 'other', at FROM ledger_entry"
    with pytest.raises(DatabaseError, match="append-only"), sqlite_database.engine.begin() as connection:
        connection.execute(text(replacing))


def test_an_entry_says_who_wrote_it(database: ShopDatabase) -> None:
    with database.open() as shop:
        ledger.post(shop.acting(Actor.with_phone("agent", "+254711000001")), "sale", "goods", SALE)
        ledger.reverse(shop, "sale", "never came")
        written = select(LedgerEntry.key, LedgerEntry.by).order_by(LedgerEntry.id)
        assert [tuple(row) for row in shop.session.execute(written)] == [
            ("sale", "agent:+25471***001"),
            ("reversal:sale", "cli:tester"),
        ]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(shares, max_size=6), after=st.sets(st.integers(0, 5)))
def test_balances_are_sums_wherever_checkpoints_fall(
    sqlite_database: ShopDatabase, entries: list[dict[str, int]], after: set[int]
) -> None:
    expected: dict[str, int] = {}
    with sqlite_database.sessions() as session:  # never committed, so that each example begins with an empty ledger
        shop = sqlite_database.shop(session)
        for number, lines in enumerate(map(balanced, entries)):
            if sum(1 for amount in lines.values() if amount) > 1:
                ledger.post(shop, f"entry {number}", "", lines)
                expected |= {account: expected.get(account, 0) + amount for account, amount in lines.items()}
            if number in after:
                ledger.checkpoint(shop)
        assert {account: ledger.balance(shop, account) for account in expected} == expected
        assert sum(expected.values()) == 0
        assert list(ledger.inconsistencies(shop)) == []
        session.rollback()


def test_a_checkpoint_covers_the_accounts_that_changed(database: ShopDatabase) -> None:
    with database.open() as shop:
        ledger.post(shop, "sale", "goods", SALE)
        assert ledger.checkpoint(shop) == 3
        assert ledger.checkpoint(shop) == 0
        ledger.post(shop, "float", "", {ledger.kiosk_account("ksk_1"): 500, ledger.ADJUSTMENTS: -500})
        assert ledger.checkpoint(shop) == 2
        assert list(ledger.inconsistencies(shop)) == []


def steps(shop: Shop, ask: Callable[[], object]) -> int:
    """How many steps of its virtual machine SQLite takes; it grows with the rows read, and is otherwise constant."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    driver: Any = shop.session.connection().connection.driver_connection
    driver.set_progress_handler(count, 1)
    ask()
    driver.set_progress_handler(None, 1)
    return taken


def test_a_balance_costs_the_same_however_many_postings_there_are(sqlite_database: ShopDatabase) -> None:
    with sqlite_database.open() as shop:

        def steps_after(entries: int) -> int:
            """Steps for a balance after so many more entries."""
            since = ledger.size(shop).entries
            for number in range(since, since + entries):
                ledger.post(shop, f"sale {number}", "", SALE)
            return steps(shop, lambda: ledger.balance(shop, AMINA))

        def steps_after_checkpoint() -> int:
            """Steps for a balance with one entry since the checkpoint."""
            ledger.checkpoint(shop)
            return steps_after(1)

        steps_after(10)
        with_few_entries = steps_after_checkpoint()
        without_checkpoint = steps_after(200)
        assert steps_after_checkpoint() == with_few_entries < without_checkpoint


def test_a_checkpoint_waits_for_entries_that_are_not_committed_yet(postgres_database: ShopDatabase) -> None:
    database = postgres_database
    with database.open() as shop:
        ledger.post(shop, "first", "", SALE)
    uncommitted = database.sessions()
    ledger.post(database.shop(uncommitted), "slow", "", SALE)

    def close() -> None:
        with database.open() as shop:
            ledger.checkpoint(shop)

    closing = Thread(target=close)
    closing.start()
    uncommitted.commit()
    uncommitted.close()
    closing.join()
    with database.open() as shop:
        assert ledger.balance(shop, AMINA) == -540_000
        assert list(ledger.inconsistencies(shop)) == []


def test_the_audit_finds_a_wrong_checkpoint_and_an_unbalanced_entry(database: ShopDatabase) -> None:
    with database.open() as shop:
        ledger.post(shop, "sale", "goods", SALE)
        ledger.checkpoint(shop)
        ledger.post(shop, "sale 2", "goods", SALE)
        wrong = LedgerCheckpoint(account=AMINA, upto=5, balance=-540_000 + 1, at=shop.now)
        shop.session.add(wrong)
        shop.session.add(LedgerEntry(key="lame", note="", at=shop.now))
        shop.session.flush()
        assert sorted(ledger.inconsistencies(shop)) == [
            "entry lame has no postings",
            f"the checkpoint of {AMINA} at 5 says -539999, its postings -540000",
        ]
