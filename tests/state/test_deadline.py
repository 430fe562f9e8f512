"""Waits for stores end with the request's budget, which is spent once; afterwards the stores are used again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any

import psycopg
import pytest
import redis.exceptions
from sqlalchemy import Engine, exc, make_url, text

from bot.db.engine import MOST_CONNECTIONS, create_engine
from bot.db.unit_of_work import Database
from state import deadline, postgresql
from state.deadline import TimeIsUpError
from state.redis_sessions import RedisSessions
from state.sessions import Sessions
from state.sql_sessions import SqlSessions

NOW = 1_800_000_000.0
AKINYI = "+254711000103"
SHORT_S = 0.2
TOO_LATE = (psycopg.OperationalError, redis.exceptions.TimeoutError, exc.DBAPIError, TimeIsUpError)


def test_without_a_budget_a_wait_has_its_own_limit() -> None:
    assert deadline.remaining(0.5) == 0.5


def test_a_budget_shortens_waits_and_ends_them() -> None:
    with deadline.within(60):
        assert deadline.remaining(0.5) == 0.5
        assert 59 < deadline.remaining(100) <= 60
    with deadline.within(0), pytest.raises(TimeIsUpError):
        deadline.remaining(0.5)
    assert deadline.remaining(0.5) == 0.5


def test_a_budget_inside_another_cannot_exceed_it() -> None:
    with deadline.within(1), deadline.within(60):
        assert deadline.remaining(100) <= 1
    with deadline.within(60):
        with deadline.within(1):
            assert deadline.remaining(100) <= 1
        assert deadline.remaining(100) > 1


# Frozen stores. A wait that did not end would end with the test's own limit, and fail it.

Frozen = Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["redis", "postgresql"])
def frozen_sessions(request: pytest.FixtureRequest) -> Iterator[tuple[Sessions, Frozen]]:
    """A session store, and what freezes it."""
    if request.param == "redis":
        store: RedisSessions | SqlSessions = RedisSessions(request.getfixturevalue("redis_url"))
        server: Any = request.getfixturevalue("redis_server")
    else:
        store = SqlSessions(request.getfixturevalue("migrated_postgres_url"))
        server = request.getfixturevalue("postgres_server")
    yield store, server.frozen
    store.close()


@pytest.mark.every_store
def test_a_frozen_session_store_costs_the_budget_once(frozen_sessions: tuple[Sessions, Frozen]) -> None:
    store, frozen = frozen_sessions
    assert store.claim(AKINYI, "one", now=NOW, lease=2.5)
    assert store.save(AKINYI, b"a session", "one", now=NOW, ttl=600)
    with frozen():
        with deadline.within(SHORT_S), pytest.raises(TOO_LATE):
            store.load(AKINYI, NOW)
        with deadline.within(0), pytest.raises(TimeIsUpError):
            store.save(AKINYI, b"another", "one", now=NOW, ttl=600)

    assert store.load(AKINYI, NOW) == b"a session"


@contextmanager
def disposed(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


def select_one(database: Database) -> int:
    with database.reading() as session:
        return int(session.execute(text("SELECT 1")).scalar_one())


def test_a_frozen_postgresql_ends_a_statement_and_a_new_connection(
    migrated_postgres_url: str, postgres_server: Any
) -> None:
    with disposed(create_engine(migrated_postgres_url)) as engine:
        database = Database.of(engine)
        assert select_one(database) == 1
        with postgres_server.frozen():
            for _ in range(2):  # the first closes the connection, so the second would open one
                with deadline.within(SHORT_S), pytest.raises((exc.DBAPIError, TimeIsUpError)):
                    select_one(database)

        assert select_one(database) == 1


def test_a_frozen_postgresql_in_the_middle_of_a_transaction(migrated_postgres_url: str, postgres_server: Any) -> None:
    with disposed(create_engine(migrated_postgres_url)) as engine:
        database = Database.of(engine)
        with ExitStack() as stack:
            session = stack.enter_context(database.writing.begin())
            session.execute(text("SELECT 1"))
            stack.enter_context(postgres_server.frozen())
            stack.enter_context(deadline.within(SHORT_S))
            with pytest.raises(exc.DBAPIError):
                session.execute(text("SELECT 1"))
            session.rollback()

        assert select_one(database) == 1


def test_postgresql_itself_ends_long_statements_long_waits_and_idle_transactions(
    migrated_postgres_url: str,
) -> None:
    limits = "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"
    with disposed(create_engine(migrated_postgres_url)) as engine, engine.connect() as conn:
        shown = [conn.execute(text(f"SHOW {name}")).scalar_one() for name in limits]
    assert shown == ["30s", "3s", "1min"]

    address = make_url(migrated_postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(postgresql.TimedConnection.open(address, autocommit=True)) as conn:
        conn.execute("SET statement_timeout = 10")
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("SELECT pg_sleep(60)")
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_migrations_may_take_their_time(migrated_postgres_url: str) -> None:
    with disposed(create_engine(migrated_postgres_url, is_limited=False)) as engine, engine.connect() as conn:
        assert conn.execute(text("SHOW statement_timeout")).scalar_one() == "0"


# SQLite


def test_a_locked_sqlite_ends_a_transaction_and_a_statement(migrated_sqlite_url: str) -> None:
    store = SqlSessions(migrated_sqlite_url)
    with disposed(create_engine(migrated_sqlite_url)) as engine, closing(store):
        database = Database.of(engine)
        with database.writing.begin() as other:
            other.connection()
            with deadline.within(SHORT_S), pytest.raises(exc.OperationalError, match="locked"):
                database.writing().connection()
            with deadline.within(SHORT_S), pytest.raises(TimeIsUpError):
                store.claim(AKINYI, "one", now=NOW, lease=2.5)
        assert store.claim(AKINYI, "one", now=NOW, lease=2.5)


def test_a_request_waits_for_a_connection_of_the_pool_as_long_as_it_may(migrated_sqlite_url: str) -> None:
    with disposed(create_engine(migrated_sqlite_url)) as engine, ExitStack() as all_connections:
        for _ in range(MOST_CONNECTIONS):
            all_connections.enter_context(engine.connect())
        with deadline.within(SHORT_S), pytest.raises((exc.TimeoutError, TimeIsUpError)):
            engine.connect()
        all_connections.close()
        engine.connect().close()
