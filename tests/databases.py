"""Migrated databases for tests: the migrations run once a process, and each test gets a copy of the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from bot.db.engine import create_engine
from tests.compiled import share_statements
from tests.servers import Postgres


def migrated_sqlite(path: Path) -> str:
    """The URL of a migrated SQLite database at `path`; one that is already there stays as it is."""
    if not path.exists():
        path.write_bytes(_migrated_file())
    return f"sqlite:///{path}"


@contextmanager
def migrated_postgres(server: Postgres) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database, whose rows are gone when the block ends."""
    with server.lent_database(migrate) as url:
        yield url


def migrate(url: str) -> None:
    """Makes all tables in the empty database at this URL."""
    from bot.migrations import upgrade  # slow to import, and tests without a database need none of it
    from bot.runtime.settings import Settings

    upgrade.upgrade(Settings(database_url=url))


def engine_for(url: str) -> Engine:
    """An engine for a migrated database."""
    return share_statements(create_engine(url))


@cache
def _migrated_file() -> bytes:
    with TemporaryDirectory(prefix="soko-template-") as folder:
        file = Path(folder) / "template.db"
        migrate(f"sqlite:///{file}")
        return file.read_bytes()
