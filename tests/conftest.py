"""The real servers, one of each for the whole run, and fresh databases in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from tests import databases, servers

# How long an example takes says how busy the machine is.
settings.register_profile("soko", deadline=None)
settings.load_profile("soko")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write transcripts as they are said now")
    parser.addoption(
        "--examples", type=int, help="try the API by chance, with so many of each operation: 400 take minutes"
    )
    parser.addoption("--people", type=int, default=500, help="how many live in the town of tests/chaos")
    parser.addoption("--chaos-seed", type=int, default=1, help="what befalls them there")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Redis]:
    with servers.running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    with servers.running_postgres() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: servers.Redis) -> str:
    """An empty Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """An empty PostgreSQL database of the test's own."""
    with postgres_server.fresh_database() as url:
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """A PostgreSQL database of the test's own with all tables in it."""
    with databases.migrated_postgres(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database of the test's own, not yet there."""
    return f"sqlite:///{tmp_path}/soko.db"


@pytest.fixture
def migrated_sqlite_url(tmp_path: Path) -> str:
    """An SQLite database of the test's own with all tables in it."""
    return databases.migrated_sqlite(tmp_path / "soko.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, without tables: the test runs on SQLite and again on PostgreSQL."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_database_url(request: pytest.FixtureRequest) -> str:
    """A database with all tables in it: the test runs on SQLite and again on PostgreSQL."""
    return str(request.getfixturevalue(f"migrated_{'sqlite' if request.param == 'sqlite' else 'postgres'}_url"))
