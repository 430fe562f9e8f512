"""Connections to PostgreSQL that wait in the pool: those that the server has closed meanwhile are replaced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from bot.db.engine import create_engine
from tests.servers import Postgres

AT_ONCE = 3
END_ALL = text("""
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()
""")


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url)
    yield engine
    engine.dispose()


def fill_pool(engine: Engine) -> None:
    connections = [engine.connect() for _ in range(AT_ONCE)]
    for connection in connections:
        connection.close()


def end_all(url: str) -> None:
    other = create_engine(make_url(url).set(database="postgres").render_as_string(hide_password=False))
    with other.connect() as conn:
        ended = conn.scalars(END_ALL, {"name": make_url(url).database}).all()
    other.dispose()
    assert ended == [True] * AT_ONCE


def test_connections_that_the_server_closed_are_replaced(engine: Engine, postgres_url: str) -> None:
    fill_pool(engine)
    end_all(postgres_url)
    connections = [engine.connect() for _ in range(AT_ONCE)]
    assert [connection.scalar(text("SELECT 1")) for connection in connections] == [1] * AT_ONCE
    for connection in connections:
        connection.close()


def test_taking_a_connection_asks_the_server_nothing(engine: Engine, postgres_server: Postgres) -> None:
    fill_pool(engine)
    with postgres_server.frozen():
        engine.connect().close()  # a question to the server would fail
