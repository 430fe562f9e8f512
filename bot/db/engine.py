"""The database engine, SQLite or PostgreSQL, set up so that both give the same guarantees."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from sqlalchemy import Connection, Engine, event
from sqlalchemy import create_engine as create
from sqlalchemy.engine import make_url

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 10000",
)


def create_engine(url: str) -> Engine:
    """The engine for a database URL. The folder of an SQLite file is created.

    On SQLite a transaction takes the only write lock when it begins: one that began as a read could fail when it
    writes. A connection with `execution_options(read_only=True)` takes no lock.
    """
    target = make_url(url)
    if target.get_backend_name() != "sqlite":
        return create(target, pool_pre_ping=True, hide_parameters=True)
    if target.database and target.database != ":memory:":
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create(target, hide_parameters=True)  # parameters are what people typed, and must not be logged
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None  # `_begin` begins transactions, not the sqlite3 module
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")
