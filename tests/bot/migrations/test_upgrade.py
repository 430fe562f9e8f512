"""The migrations run up, down and up again, and end in exactly the tables that the packages declare."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect
from sqlalchemy.engine import make_url

from bot.db.engine import create_engine
from bot.messaging.sealing import Seal
from bot.migrations import upgrade
from bot.runtime.settings import Settings
from bot.simulator import tables as simulator_tables
from marketplace_api.payments import cash_codes

pytestmark = pytest.mark.every_store


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The engine of an empty database."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def newest_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a copy of a database that was moved from `base` to `head`."""
    if request.param == "sqlite":
        (tmp_path / "newest.db").write_bytes(newest_file())
        yield f"sqlite:///{tmp_path}/newest.db"
    else:
        with request.getfixturevalue("postgres_server").lent_database(move_to_head) as url:
            yield url


@pytest.fixture
def newest(newest_url: str) -> Iterator[Engine]:
    """The engine of a database at `head`."""
    engine = create_engine(newest_url)
    yield engine
    engine.dispose()


@cache
def newest_file() -> bytes:
    with TemporaryDirectory(prefix="soko-newest-") as folder:
        move_to_head(f"sqlite:///{folder}/newest.db")
        return Path(folder, "newest.db").read_bytes()


def move_to_head(url: str) -> None:
    engine = create_engine(url)
    upgrade.move(engine, "head")
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def differences(engine: Engine) -> list[object]:
    """What a new revision would have to change."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, list(upgrade.MIGRATED)))  # type: ignore[arg-type]


def test_the_history_runs_up_down_and_up_again(engine: Engine) -> None:
    declared = {table.name for metadata in upgrade.MIGRATED for table in metadata.sorted_tables}
    upgrade.move(engine, "head")
    assert tables(engine) == declared
    upgrade.move(engine, "base")
    assert tables(engine) == set()
    upgrade.move(engine, "head")
    assert tables(engine) == declared


def test_the_history_ends_in_the_tables_that_the_packages_declare(newest: Engine) -> None:
    assert differences(newest) == []


def test_the_comparison_finds_a_missing_column(newest: Engine) -> None:
    with newest.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE message DROP COLUMN dialogue")

    assert differences(newest) != []


def test_a_second_upgrade_changes_nothing(newest_url: str, newest: Engine) -> None:
    settings = Settings(database_url=newest_url)
    upgrade.upgrade(settings)
    with newest.begin() as connection:
        connection.exec_driver_sql("INSERT INTO cursor (name, position) VALUES ('announcements', 7)")
    upgrade.upgrade(settings)

    with newest.connect() as connection:
        assert connection.exec_driver_sql("SELECT position FROM cursor").scalar() == 7


def test_the_readme_lists_every_revision_in_its_order() -> None:
    versions = sorted(path.name[:4] for path in (upgrade.SCRIPTS / "versions").glob("*.py"))
    listed = re.findall(r"^\| (\d{4}) \|", (upgrade.SCRIPTS / "README.md").read_text(), re.MULTILINE)

    assert listed == versions


BEFORE_PURSES = "0033"
ROWS_OF_REVISION_0001 = (
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


def test_rows_of_the_first_revision_survive_up_down_and_up(engine: Engine) -> None:
    upgrade.move(engine, "0001")
    with engine.begin() as connection:
        for row in ROWS_OF_REVISION_0001:
            connection.exec_driver_sql(row)

    for revision in ("head", "0001", "head"):
        upgrade.move(engine, revision)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql(
            "SELECT payout.code, amount, earns FROM payout JOIN assignment ON assignment.id = assignment_id"
        ).one()
        assert tuple(kept) == ("Y2", 270_000, 270_000)


def test_pieces_of_open_orders_become_reserved_and_are_on_hand(engine: Engine) -> None:
    upgrade.move(engine, "0001")
    with engine.begin() as connection:
        for row in ROWS_OF_REVISION_0001:
            connection.exec_driver_sql(row)
        connection.exec_driver_sql("UPDATE assignment SET status = 'accepted'")

    upgrade.move(engine, "head")
    with engine.connect() as connection:
        assert tuple(connection.exec_driver_sql("SELECT on_hand, reserved FROM product").one()) == (3, 2)
    upgrade.move(engine, "0018")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT quantity FROM product").scalar_one() == 1


ROWS_THAT_ARE_NOT_UNIQUE = (
    *(
        "INSERT INTO payout (id, code, artisan_id, piece, amount, currency, method, status, payment_id, sends, retried,"
        f" provider, provider_reference, cash_code, created_at) VALUES ('{id}', '{id}', 'art_1', 0, 100, 'KES',"
        f" 'kiosk_cash', 'paid', '{id}', 0, {{false}}, 'daraja', {reference}, {cash_code}, '2026-11-2{day} 09:00:00')"
        for day, id, reference, cash_code in (
            (2, "pay_2", "'SFF6'", "NULL"),
            (3, "pay_3", "'SFF6'", "'123456'"),
            (4, "pay_4", "NULL", "'123456'"),
            (5, "pay_5", "'SFF6'", "NULL"),
        )
    ),
    *(
        "INSERT INTO help_request (id, msisdn, created_at, closed_at)"
        f" VALUES ('{id}', '+254711000999', '2026-11-2{day} 09:00:00', {closed_at})"
        for day, id, closed_at in ((1, "hlp_1", "'2026-11-21 10:00:00'"), (2, "hlp_2", "NULL"), (3, "hlp_3", "NULL"))
    ),
)


def test_what_was_stored_twice_is_unique_after_an_upgrade(engine: Engine) -> None:
    upgrade.move(engine, "0001")
    with engine.begin() as connection:
        for row in ROWS_OF_REVISION_0001:
            connection.exec_driver_sql(row)
    upgrade.move(engine, "0013")
    with engine.begin() as connection:
        for row in ROWS_THAT_ARE_NOT_UNIQUE:
            connection.exec_driver_sql(row.format(false="0" if engine.dialect.name == "sqlite" else "false"))

    for revision in ("0031", "0013", "0031"):
        upgrade.move(engine, revision)
    with engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT id, provider_reference, cash_code FROM payout ORDER BY id").all()
        references = {id: reference for id, reference, _ in stored}
        codes = [code for _, _, code in stored if code]
        is_open = "SELECT id FROM help_request WHERE closed_at IS NULL"
        open_requests = connection.exec_driver_sql(is_open).scalars().all()
    assert references == {
        "pay_1": None,
        "pay_2": "SFF6",
        "pay_3": "SFF6 (2)",
        "pay_4": None,
        "pay_5": "SFF6 (3)",
    }
    assert codes[0] == "123456"
    assert len(set(codes)) == 2
    assert open_requests == ["hlp_2"]


# The simulator's tables

BEFORE_0012 = {"simulated_text", "simulated_payment"}
"""Those that migrations created once."""
SIMULATED = BEFORE_0012 | {"simulated_session", "simulated_refund", "simulated_request"}
PRODUCTION = {
    "environment": "production",
    "secret_key": "Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU",
    "webhook_secret": "b7Xw2Rk9Tq4Zm8Vn3Lp6Jc5Hs1Gd0FyE",
    "sms_provider": "africastalking",
    "at_username": "soko",
    "at_api_key": "atsk_1",
}
PAYMENT = (
    "INSERT INTO simulated_payment (id, conversation, msisdn, amount, currency, code, at)"
    " VALUES ('pay_1', 'AG_1', '+254711000999', 150000, 'KES', '0', '2026-11-20 09:00:00')"
)


def rows(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()


def restored_differences(engine: Engine) -> list[object]:
    """How the simulator's first tables differ from their declaration."""
    with engine.connect() as connection:
        options = {"include_object": lambda _object, name, kind, *_: kind != "table" or name in BEFORE_0012}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, simulator_tables.metadata))


@pytest.fixture
def upgraded_before(engine: Engine) -> Engine:
    """A database as the code before revision 0012 left it: with both simulator tables, empty."""
    upgrade.move(engine, "0011")
    simulator_tables.metadata.create_all(engine, [simulator_tables.metadata.tables[name] for name in BEFORE_0012])
    return engine


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, SIMULATED),
        (PRODUCTION, set()),
    ],
    ids=["development", "production"],
)
def test_only_a_configuration_that_uses_the_simulator_gets_its_tables(
    newest_url: str, newest: Engine, chosen: dict[str, str], expected: set[str]
) -> None:
    settings = Settings.model_validate(chosen | {"database_url": newest_url})
    for _ in range(2):
        upgrade.upgrade(settings)
        assert tables(newest) & SIMULATED == expected


def test_an_upgrade_drops_empty_simulator_tables_and_a_downgrade_restores_them(upgraded_before: Engine) -> None:
    upgrade.move(upgraded_before, "head")
    assert tables(upgraded_before) & SIMULATED == set()
    upgrade.move(upgraded_before, "0011")
    assert tables(upgraded_before) >= BEFORE_0012
    assert restored_differences(upgraded_before) == []
    upgrade.move(upgraded_before, "base")
    assert tables(upgraded_before) == set()


def test_simulator_tables_with_rows_stay_through_up_down_and_up(upgraded_before: Engine) -> None:
    with upgraded_before.begin() as connection:
        connection.exec_driver_sql(PAYMENT)

    for revision in ("head", "0011", "head"):
        upgrade.move(upgraded_before, revision)
        assert rows(upgraded_before, "simulated_payment") == 1
    assert "simulated_text" not in tables(upgraded_before)


def cursors(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return dict(tuple(row) for row in connection.exec_driver_sql("SELECT name, position FROM cursor"))


def test_payouts_begin_at_the_position_of_the_notifier_and_a_downgrade_loses_none(engine: Engine) -> None:
    upgrade.move(engine, "0012")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO cursor (name, position) VALUES ('announcements', 7), ('webhooks', 5)")
    upgrade.move(engine, "head")
    assert cursors(engine) == {"announcements": 7, "webhooks": 5, "payouts": 7}

    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE cursor SET position = 9 WHERE name = 'payouts'")
        connection.exec_driver_sql("UPDATE cursor SET position = 12 WHERE name = 'announcements'")
    upgrade.move(engine, "0012")
    assert cursors(engine) == {"announcements": 9, "webhooks": 5}


def test_payouts_start_from_the_first_event_if_no_consumer_has_read_one(engine: Engine) -> None:
    upgrade.move(engine, "0012")
    upgrade.move(engine, "head")
    assert cursors(engine) == {}


def test_the_currency_of_a_database_stays(newest_url: str) -> None:
    upgrade.upgrade(Settings(database_url=newest_url, currency="UGX"))
    upgrade.upgrade(Settings(database_url=newest_url, currency="UGX"))

    with pytest.raises(SystemExit) as ended:
        upgrade.upgrade(Settings(database_url=newest_url, currency="KES"))

    assert str(ended.value).startswith("CURRENCY: 'KES' is wrong: the amounts in this database are in UGX")
    assert "\n" not in str(ended.value)


def test_an_upgrade_finds_the_currency_of_the_amounts_that_are_there(database_url: str, engine: Engine) -> None:
    upgrade.move(engine, "0014")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO ledger_account (name, currency) VALUES ('buyers', 'TZS')")

    with pytest.raises(SystemExit, match="are in TZS"):
        upgrade.upgrade(Settings(database_url=database_url, currency="KES"))
    upgrade.upgrade(Settings(database_url=database_url, currency="TZS"))


def test_every_artisan_has_an_account_in_the_ledger_after_an_upgrade(engine: Engine) -> None:
    upgrade.move(engine, "0021")
    kiosk = "INSERT INTO kiosk (id, code, name, town, agent_name, agent_msisdn, wrong_cash_codes, created_at) VALUES "
    artisan = (
        "INSERT INTO artisan (id, msisdn, name, language, craft, status, kiosk_id, payout_method, created_at) VALUES "
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO shop_currency (id, currency) VALUES (1, 'TZS')")
        connection.exec_driver_sql("INSERT INTO ledger_account (name, currency) VALUES ('artisan:art_1', 'TZS')")
        connection.exec_driver_sql(f"{kiosk} ('ksk_1', 'A2A2', 'K', 'T', 'O', '+1', 0, '2026-11-23 08:00:00')")
        for number in (1, 2):
            values = f"('art_{number}', '+25{number}', 'A', 'en', 'pottery', 'active', 'ksk_1', 'kiosk_cash'"
            connection.exec_driver_sql(f"{artisan} {values}, '2026-11-23 08:00:00')")
    upgrade.move(engine, "head")

    with engine.connect() as connection:
        accounts = connection.exec_driver_sql("SELECT name, currency FROM ledger_account ORDER BY name").all()
    assert [tuple(row) for row in accounts] == [("artisan:art_1", "TZS"), ("artisan:art_2", "TZS")]


def test_a_database_of_a_newer_version_is_named_in_one_line(tmp_path: Path) -> None:
    (file := tmp_path / "newer.db").write_bytes(newest_file())
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SystemExit, match=r"^DATABASE_URL: cannot be used by this version: .*9999.*$"):
        upgrade.upgrade(Settings.model_validate({"database_url": f"sqlite:///{file}"}))


def test_a_user_who_may_not_create_tables_is_named_in_one_line(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute("CREATE ROLE only_reads LOGIN")
        try:
            url = make_url(postgres_url).set(username="only_reads").render_as_string(hide_password=False)
            with pytest.raises(SystemExit, match=r"^DATABASE_URL: cannot be used: permission denied .*$"):
                upgrade.upgrade(Settings.model_validate({"database_url": url}))
        finally:
            connection.execute("DROP ROLE only_reads")


ORDER_OF_FIVE = (
    'INSERT INTO "order" (id, code, status, product_id, quantity, unit_price, commission_percent, currency, total,'
    " commission, artisan_earns, buyer_name, buyer_msisdn, buyer_locale, ship_to, placed_by, created_at, expires_at)"
    " VALUES ('{id}', '{code}', '{status}', 'prd_1', 5, 10000, 10, 'KES', 50000, 5000, 45000, 'Ann', '+254733000333',"
    " 'en', '{{}}', '{placed_by}', '2026-11-20 09:00:00', '2026-11-22 09:00:00')"
)
RECEIVED_AND_OPEN = (
    *(
        ORDER_OF_FIVE.format(id=id, code=code, status=status, placed_by=placed_by)
        for id, code, status, placed_by in (
            ("ord_offered", "A1", "placed", "key_1"),
            ("ord_half", "A2", "accepted", "key_1"),
            ("ord_kiosk", "A3", "at_kiosk", "key_2"),
            ("ord_ended", "A4", "expired", "key_2"),
        )
    ),
    *(
        f"INSERT INTO assignment (order_id, artisan_id, quantity, earns, status, reason, refused)"
        f" VALUES ('{order}', 'art_1', {quantity}, {quantity * 9000}, '{status}', '', 0)"
        for order, quantity, status in (
            ("ord_offered", 5, "offered"),
            ("ord_half", 2, "received"),
            ("ord_half", 3, "accepted"),
            ("ord_kiosk", 4, "received"),
            ("ord_ended", 5, "expired"),
        )
    ),
    "INSERT INTO ledger_account (name, currency) VALUES ('buyers', 'KES'), ('commission', 'KES')",
    "INSERT INTO ledger_entry (key, note, at) VALUES ( 'earned:1', '', '2026-11-21 09:00:00')",
    "INSERT INTO ledger_posting (entry_id, account, amount)"
    " VALUES (1, 'buyers', 60000), (1, 'commission', -6000), (1, 'artisan:art_1', -54000)",
)
"""Four orders of five pieces at 100 shillings: offered, received in part, received, expired; six were received."""


def balances(engine: Engine) -> dict[str, int]:
    sums = "SELECT account, sum(amount) FROM ledger_posting GROUP BY account HAVING sum(amount) <> 0"
    with engine.connect() as connection:
        return {account: int(amount) for account, amount in connection.exec_driver_sql(sums)}


def test_open_orders_have_purses_after_an_upgrade_and_storefronts_owe_what_buyers_owed(engine: Engine) -> None:
    upgrade.move(engine, "0001")
    with engine.begin() as connection:
        for row in ROWS_OF_REVISION_0001[:3]:
            connection.exec_driver_sql(row)
    upgrade.move(engine, BEFORE_PURSES)
    with engine.begin() as connection:
        for row in RECEIVED_AND_OPEN:
            connection.exec_driver_sql(row)
    before = balances(engine)

    for _ in range(2):
        upgrade.move(engine, "head")
        assert balances(engine) == {
            "artisan:art_1": -54000,
            "commission": -6000,
            "storefront:key_1": 50000 + 20000 + 30000,
            "storefront:key_2": 40000,
            "order:ord_offered": -50000,
            "order:ord_half": -30000,
        }
        upgrade.move(engine, BEFORE_PURSES)
        assert balances(engine) == before


CODES_OF_REVISION_0031 = (
    "UPDATE payout SET cash_code = '012345' WHERE id = 'pay_1'",
    *(
        "INSERT INTO message (id, direction, msisdn, channel, text, status, encoding, segments, topic, about, repeats,"
        f" created_at) VALUES ('{id}', 'out', '+254711000999', 'sms', '{text}', '{status}', 'GSM-7', 1, '{topic}',"
        f" {about}, 0, '2026-11-21 09:00:00')"
        for id, status, topic, about, text in (
            ("msg_1", "sent", "payout.created", "'pay_1'", "Your code: 012345."),
            ("msg_2", "queued", "payout.created", "'pay_1'", "Your code: 012345."),
            ("msg_3", "delivered", "reply", "NULL", "Code to remove your PIN: 652688."),
            ("msg_4", "sent", "reply", "'ATXid_1'", "The tracking number is 123456."),
        )
    ),
)


def test_an_upgrade_hides_codes_that_were_stored_in_clear_and_they_go_on_working(engine: Engine) -> None:
    key = b"the key of this service"
    upgrade.move(engine, "0001")
    with engine.begin() as connection:
        for row in ROWS_OF_REVISION_0001:
            connection.exec_driver_sql(row)
    upgrade.move(engine, "0031")
    with engine.begin() as connection:
        for row in CODES_OF_REVISION_0031:
            connection.exec_driver_sql(row)
    upgrade.move(engine, "head", (key,))

    with engine.connect() as connection:
        (stored,) = connection.exec_driver_sql("SELECT cash_code_hash, cash_code_number FROM payout").all()
        texts = connection.exec_driver_sql("SELECT id, text, sealed FROM message ORDER BY id").all()
    assert tuple(stored) == (cash_codes.hash_of(key, "012345"), 0)
    first, second, third, fourth = [tuple(row) for row in texts]
    assert first == ("msg_1", "Your code: ******.", "")
    assert second[1] == "Your code: ******."
    assert Seal((key,)).open(second[1], second[2]) == "Your code: 012345."
    assert third == ("msg_3", "Code to remove your PIN: ******.", "")
    assert fourth == ("msg_4", "The tracking number is 123456.", None)

    upgrade.move(engine, "0031")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT cash_code FROM payout").scalar_one() is None
