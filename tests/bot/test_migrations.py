"""The schema's one history: it goes up, down and up again, and ends in exactly the tables the rooms declare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from bot.db.engine import create_engine
from bot.migrations import upgrade
from bot.runtime.settings import Settings


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
        return list(compare_metadata(context, list(upgrade.TABLES)))  # type: ignore[arg-type]


def test_it_goes_up_down_and_up_again(engine: Engine) -> None:
    declared = {table.name for metadata in upgrade.TABLES for table in metadata.sorted_tables}
    upgrade.move(engine, "head")
    assert tables(engine) == declared
    upgrade.move(engine, "base")
    assert tables(engine) == set()
    upgrade.move(engine, "head")
    assert tables(engine) == declared


def test_it_ends_in_the_tables_that_are_declared(engine: Engine) -> None:
    upgrade.move(engine, "head")

    assert differences(engine) == []


def test_a_difference_would_be_seen(engine: Engine) -> None:
    upgrade.move(engine, "head")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE message DROP COLUMN topic")

    assert differences(engine) != []


def test_going_up_twice_changes_nothing(database_url: str, engine: Engine) -> None:
    settings = Settings(database_url=database_url)
    upgrade.upgrade(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO cursor (name, position) VALUES ('announcements', 7)")
    upgrade.upgrade(settings)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT position FROM cursor").scalar() == 7


SHOP_OF_THE_FIRST_TABLES = (
    "INSERT INTO kiosk (id, code, name, town, agent_name, agent_msisdn, created_at, wrong_cash_codes)"
    " VALUES ('ksk_1', 'K2', 'Toi', 'Nairobi', 'Grace', '+254722000999', '2026-11-20 09:00:00', 0)",
    "INSERT INTO artisan (id, msisdn, name, language, craft, status, kiosk_id, payout_method, created_at)"
    " VALUES ('art_1', '+254711000999', 'Amina', 'sw', 'baskets', 'active', 'ksk_1', 'kiosk_cash',"
    " '2026-11-20 09:00:00')",
    "INSERT INTO product (id, code, artisan_id, title, category, description, price, currency, quantity, status,"
    " created_at, updated_at) VALUES ('prd_1', 'P2', 'art_1', 'Kiondo', 'baskets', '', 150000, 'KES', 1, 'listed',"
    " '2026-11-20 09:00:00', '2026-11-20 09:00:00')",
    'INSERT INTO "order" (id, code, status, product_id, quantity, unit_price, commission_percent, currency, total,'
    " commission, artisan_earns, buyer_name, buyer_msisdn, buyer_locale, ship_to, placed_by, created_at, expires_at)"
    " VALUES ('ord_1', 'R2', 'at_kiosk', 'prd_1', 2, 150000, 10, 'KES', 300000, 30000, 270000, 'Ann', '+447400123456',"
    " 'en', '{}', 'window', '2026-11-20 09:00:00', '2026-11-22 09:00:00')",
    "INSERT INTO assignment (id, order_id, artisan_id, quantity, status, reason)"
    " VALUES (7, 'ord_1', 'art_1', 2, 'received', '')",
    "INSERT INTO payout (id, code, artisan_id, order_id, amount, currency, method, status, created_at)"
    " VALUES ('pay_1', 'Y2', 'art_1', 'ord_1', 270000, 'KES', 'kiosk_cash', 'awaiting_collection',"
    " '2026-11-21 09:00:00')",
)


def test_a_shop_of_the_first_edition_keeps_all_it_has(engine: Engine) -> None:
    upgrade.move(engine, "0001")
    with engine.begin() as connection:
        for row in SHOP_OF_THE_FIRST_TABLES:
            connection.exec_driver_sql(row)

    for revision in ("head", "0001", "head"):
        upgrade.move(engine, revision)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql(
            "SELECT payout.code, amount, earns FROM payout JOIN assignment ON assignment.id = assignment_id"
        ).one()
        assert tuple(kept) == ("Y2", 270_000, 270_000)
