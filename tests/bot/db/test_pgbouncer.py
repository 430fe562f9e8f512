"""PostgreSQL behind PgBouncer in transaction mode: nothing that belongs to a connection is used, or left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from bot.db.engine import create_engine
from bot.db.unit_of_work import Database
from bot.playground.harness import open_harness
from state.postgresql import TimedConnection
from state.sql_sessions import SqlSessions
from tests.bot.fixtures import AKINYI, POT, choose_language, dial, order_status, place_order, seed_shop
from tests.databases import migrated_postgres
from tests.pgbouncer import running_pgbouncer
from tests.repository.architecture import ROOT
from tests.servers import Postgres
from tests.threads import together

LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
SHOWN = text(" || ' ' || ".join(f"current_setting('{name}')" for name in LIMITS).join(("SELECT ", "")))
IN_TRANSACTION, NONE = "30s 3s 1min", "0 0 0"
THREADS = 8
OF_THE_SESSION = re.compile(
    r"pg_(try_)?advisory_lock|\bLISTEN\b|\bUNLISTEN\b|CREATE TEMP|SET SESSION|stream_results|WITH HOLD"
)


@pytest.fixture(scope="module")
def direct(postgres_server: Postgres) -> Iterator[str]:
    with migrated_postgres(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def pooled(postgres_server: Postgres, direct: str) -> Iterator[str]:
    with running_pgbouncer(postgres_server.folder) as pgbouncer:
        yield pgbouncer.url(direct)


def of_others(url: str) -> set[str]:
    """The limits that another client meets, on each connection to PostgreSQL."""
    found = set()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True, prepare_threshold=None) as client:
        for _ in range(THREADS):
            found.add(client.execute(SHOWN.text).fetchone())
    return {row[0] for row in found if row}


def test_each_transaction_has_the_limits_and_leaves_none_of_them(pooled: str) -> None:
    engine = create_engine(pooled)

    def transaction(_number: int) -> list[str]:
        shown = []
        for _ in range(THREADS):
            with engine.begin() as conn:
                conn.execute(text("SELECT pg_sleep(0.001)"))
                shown.append(conn.scalar(SHOWN))
        return shown

    assert {shown for all_shown in together(THREADS, transaction) for shown in all_shown} == {IN_TRANSACTION}
    assert of_others(pooled) == {NONE}
    engine.dispose()


def test_a_connection_knows_whether_it_is_pooled(pooled: str, direct: str) -> None:
    for url, is_pooled in ((pooled, True), (direct, False)):
        with TimedConnection.open(url.replace("+psycopg", ""), autocommit=True, prepare_threshold=0) as connection:
            assert connection.is_pooled == is_pooled
            assert (connection.prepare_threshold is None) == is_pooled


def test_a_connection_without_a_pooler_keeps_the_limits(direct: str) -> None:
    with TimedConnection.open(direct.replace("+psycopg", ""), autocommit=True) as connection:
        assert connection.execute(SHOWN.text).fetchone() == (IN_TRANSACTION,)


def test_a_transaction_that_fails_is_rolled_back_and_the_next_one_has_the_limits(pooled: str) -> None:
    engine = create_engine(pooled)
    with engine.connect() as conn:
        with pytest.raises(Exception, match="division by zero"):
            conn.execute(text("SELECT 1 / 0"))
        conn.rollback()
        assert conn.scalar(SHOWN) == IN_TRANSACTION
    engine.dispose()


def test_a_snapshot_reads_one_state_and_writes_nothing(pooled: str) -> None:
    engine = create_engine(pooled)
    with Database.of(engine).snapshot() as session:
        isolation = session.scalar(text("SHOW transaction_isolation"))
        read_only = session.scalar(text("SHOW transaction_read_only"))
    assert (isolation, read_only) == ("repeatable read", "on")
    engine.dispose()


def test_sessions_need_no_prepared_statements(pooled: str) -> None:
    sessions = SqlSessions(pooled)

    def hops(number: int) -> bytes | None:
        msisdn = f"+25471100{number:04}"
        for hop in range(10):
            assert sessions.claim(msisdn, "me", now=1.0, lease=2.5)
            assert sessions.save(msisdn, b"%d" % hop, "me", now=1.0, ttl=600.0)
        return sessions.load(msisdn, 1.0)

    assert together(THREADS, hops) == [b"9"] * THREADS
    sessions.close()


def test_a_shop_is_open(pooled: str, tmp_path: Path) -> None:
    with open_harness(tmp_path, database_url=pooled, engine=create_engine(pooled)) as service:
        seed_shop(service)
        choose_language(service, "en", AKINYI)
        assert dial(service, AKINYI, "1", "Oil lamp", "6", "900", "5", "1").startswith("END Oil lamp is on sale")
        pots = place_order(service, 1, title=POT)
        assert "is yours" in dial(service, AKINYI, "3", "1", "1")
        assert order_status(service, pots) == "accepted"
        assert service.http.get("/readyz").status_code == 200


def test_no_statement_belongs_to_a_connection() -> None:
    """A lock for a session, a notification, a temporary table or an open cursor would be lost, or met by others."""
    sources = [file for package in ("bot", "state", "marketplace_api") for file in (ROOT / package).rglob("*.py")]
    found = [f"{file}: {match[0]}" for file in sources if (match := OF_THE_SESSION.search(file.read_text()))]
    assert found == []
