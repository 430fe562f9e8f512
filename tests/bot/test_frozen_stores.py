"""A store that is frozen, gone or locked: callers are answered within the contract's times, and all is well afterwards.

Every request has the contract's time as the client's own limit: without an answer by then, it raises TimeoutError.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import servers
from tests.databases import migrate, migrated_sqlite
from tests.threads import together
from tests.web_process import WebProcess, web_process

AT_ONCE = 20
"""More callers than there are threads for hops."""
STEPS = 200
"""How often a test asks whether a store that went on is used again."""


@pytest.fixture(scope="module")
def redis() -> Iterator[servers.Redis]:
    with servers.running_redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def database(postgres_server: servers.Postgres) -> Iterator[str]:
    with postgres_server.fresh_database() as url:
        migrate(url)
        yield url


@pytest.fixture(scope="module")
def scaled(redis: servers.Redis, database: str) -> Iterator[WebProcess]:
    with web_process(DATABASE_URL=database, REDIS_URL=redis.url) as web:
        yield web


def assert_answers_in_time(web: WebProcess, name: str, *, hops_end: bool = True) -> None:
    """Hops that need the store end calmly, and both health pages are answered."""
    answers = together(AT_ONCE, lambda number: web.hop(f"{name}{number}", msisdn=f"+2547110009{number:02}"))
    assert {answer.status for answer in answers} == {200}
    if hops_end:
        assert {answer.text[:4] for answer in answers} == {"END "}
    assert web.ask("GET", "/healthz", within_s=1.0).status == 200
    assert web.ask("GET", "/readyz", within_s=2.5).status == 503


def assert_recovers(web: WebProcess, name: str) -> None:
    """The service is ready again by itself, and a caller sees a menu."""
    assert any(web.ask("GET", "/readyz", within_s=2.5).status == 200 for _ in range(STEPS))
    assert any(web.hop(f"{name}{step}").text.startswith("CON ") for step in range(STEPS))


def test_a_frozen_redis_costs_nobody_the_contracts_time(scaled: WebProcess, redis: servers.Redis) -> None:
    assert_recovers(scaled, "before")
    with redis.frozen():
        assert_answers_in_time(scaled, "frozen redis")
    assert_recovers(scaled, "after")


def test_a_frozen_postgresql_costs_nobody_the_contracts_time(
    scaled: WebProcess, postgres_server: servers.Postgres
) -> None:
    assert_recovers(scaled, "warm")
    with postgres_server.frozen():
        assert_answers_in_time(scaled, "frozen postgresql")
    assert_recovers(scaled, "thawed")


def test_an_sqlite_that_somebody_else_has_locked(tmp_path: Path) -> None:
    file = tmp_path / "soko.db"
    with web_process(DATABASE_URL=migrated_sqlite(file), REDIS_URL="") as web:
        assert_recovers(web, "one")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert_answers_in_time(web, "locked")
        assert_recovers(web, "two")
        file.unlink()
        assert web.ask("GET", "/readyz", within_s=2.5).status == 503
