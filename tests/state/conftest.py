"""The tables of `state` in a fresh database, opened as the service opens it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from tests import fast_hashes
from tests.databases import engine_for

fast_hashes.use()


@pytest.fixture
def engine(migrated_database_url: str) -> Iterator[Engine]:
    engine = engine_for(migrated_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """One transaction."""
    with engine.begin() as conn:
        yield conn
