"""Migrated databases for tests: the migrations run once a process, and each test gets a copy of the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, TypeVar

import psycopg
from sqlalchemy import Engine, Pool, QueuePool, event

from bot.db.engine import create_engine
from tests.compiled import share_statements
from tests.servers import KEPT, Postgres

T = TypeVar("T")


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


def on_new_databases(
    server: Postgres | None, folder: Path, opened: Callable[[str, Path], AbstractContextManager[T]]
) -> Callable[[], AbstractContextManager[T]]:
    """A function that gives what `opened` makes of a new database's URL and of a new folder below `folder`.

    The databases are on the PostgreSQL server, or without one are SQLite files.
    """
    numbers = count()

    @contextmanager
    def on_a_new_one() -> Iterator[T]:
        here = folder / str(next(numbers))
        here.mkdir()
        if server is None:
            with opened(migrated_sqlite(here / "soko.db"), here) as made:
                yield made
        else:
            with migrated_postgres(server) as url, opened(url, here) as made:
                yield made

    return on_a_new_one


def migrate(url: str) -> None:
    """Makes all tables in the empty database at this URL."""
    from bot.migrations import upgrade  # slow to import, and tests without a database need none of it
    from bot.runtime.settings import Settings

    upgrade.upgrade(Settings(database_url=url))


class KeptPool(QueuePool):
    """Connections to a PostgreSQL database that outlast the engine that has made them: the next test uses them.

    To connect takes the server and the client longer than most tests.
    """

    idle: ClassVar[dict[str, list[KeptPool]]] = {}
    url: str

    @classmethod
    def of(cls, url: str, pool: Pool) -> Pool:
        """A pool for this database that is idle, or else `pool`, which is kept from now on."""
        if idle := cls.idle.setdefault(url, []):
            return idle.pop()
        pool.__class__ = cls
        event.listen(pool, "connect", _mark_as_kept)
        assert isinstance(pool, KeptPool)
        pool.url = url
        return pool

    def dispose(self) -> None:
        """Keeps the connections."""
        if self not in self.idle[self.url]:
            self.idle[self.url].append(self)

    def recreate(self) -> KeptPool:
        return self

    @classmethod
    def close_all(cls) -> None:
        """For the end of the run, while the server is still there."""
        for pools in cls.idle.values():
            while pools:
                QueuePool.dispose(pools.pop())


def _mark_as_kept(connection: psycopg.Connection, _record: object) -> None:
    connection.execute("SELECT set_config('application_name', %s, false)", [KEPT])
    connection.commit()


def engine_for(url: str) -> Engine:
    """An engine for a migrated database."""
    engine = share_statements(create_engine(url))
    if engine.dialect.name == "postgresql":
        engine.pool = KeptPool.of(url, engine.pool)
    return engine


@cache
def _migrated_file() -> bytes:
    with TemporaryDirectory(prefix="soko-template-") as folder:
        file = Path(folder) / "template.db"
        migrate(f"sqlite:///{file}")
        return file.read_bytes()
