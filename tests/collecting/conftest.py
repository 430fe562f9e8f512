"""A till over SQLite, and one over each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collecting.till import Till, open_till


@pytest.fixture
def till(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Till]:
    """A shop whose collector asks once, as M-PESA Express does; over SQLite, because the store makes no difference."""
    with open_till(migrated_sqlite_url, tmp_path) as opened:
        yield opened
        opened.check()


@pytest.fixture
def each_till(migrated_database_url: str, tmp_path: Path) -> Iterator[Till]:
    """The same over SQLite and over PostgreSQL."""
    with open_till(migrated_database_url, tmp_path) as opened:
        yield opened
        opened.check()


@pytest.fixture
def each_card_till(migrated_database_url: str, tmp_path: Path) -> Iterator[Till]:
    """A shop whose collector knows our ids, over SQLite and over PostgreSQL."""
    with open_till(migrated_database_url, tmp_path, method="card", asks_once=False) as opened:
        yield opened
        opened.check()


@pytest.fixture
def card_till(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Till]:
    """A shop whose collector knows our ids, as Stripe does."""
    with open_till(migrated_sqlite_url, tmp_path, method="card", asks_once=False) as opened:
        yield opened
        opened.check()
