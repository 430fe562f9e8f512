"""The database engine, SQLite or PostgreSQL, set up so that both give the same guarantees."""

from __future__ import annotations

import logging
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, QueuePool, event
from sqlalchemy import create_engine as create
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError

from state import deadline

if TYPE_CHECKING:
    from state.postgresql import TimedConnection

LOCK_WAIT_S = 10.0
"""How long a transaction waits for SQLite's write lock, and any for a connection of the pool, if it has the time."""
POOL_SIZE, MOST_CONNECTIONS = 5, 20
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {LOCK_WAIT_S * 1000:.0f}",
)


# SQLAlchemy logs under the name of the class; its news of each connection would fill the log
logging.getLogger(f"{__name__}.PatientPool").setLevel(logging.WARNING)


class PatientPool(QueuePool):
    """A pool in which a request waits for a connection no longer than its deadline allows."""

    @property
    def _timeout(self) -> float:
        return deadline.remaining(LOCK_WAIT_S)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self.__dict__["_timeout"] = seconds  # SQLAlchemy's limit, the same for all requests


_POOLED: dict[str, Any] = {
    "poolclass": PatientPool,
    "pool_size": POOL_SIZE,
    "max_overflow": MOST_CONNECTIONS - POOL_SIZE,
    "hide_parameters": True,  # parameters are what people typed, and must not be logged
}


def create_engine(url: str, *, is_limited: bool = True) -> Engine:
    """The engine for a database URL. The folder of an SQLite file is created.

    On SQLite a transaction takes the only write lock when it begins: one that began as a read could fail when it
    writes. A connection with `execution_options(read_only=True)` takes no lock.

    On PostgreSQL no wait is endless (`state/postgresql.py`), unless `is_limited` is false: migrations take their time.
    """
    target = make_url(url)
    if target.get_backend_name() != "sqlite":
        return _postgresql_engine(target, is_limited=is_limited)
    if target.database and target.database != ":memory:":
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create(target, **_POOLED)
    else:
        engine = create(target, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _postgresql_engine(target: URL, *, is_limited: bool) -> Engine:
    # behind a pooler, a connection may meet a statement that another client has prepared under the same name
    unprepared = {"prepare_threshold": None}
    engine = create(target, connect_args=unprepared, **_POOLED)
    if is_limited:
        event.listen(engine, "do_connect", _connect)
        event.listen(engine, "checkout", _check)
    return engine


def _connect(_dialect: object, _record: object, arguments: tuple[Any, ...], options: dict[str, Any]) -> object:
    from state.postgresql import TimedConnection  # psycopg takes time to import, and SQLite needs none of it

    return TimedConnection.open(*arguments, **options)


def _check(connection: TimedConnection, _record: object, _proxy: object) -> None:
    """Replace a connection that the server has closed. SQLAlchemy's own check is a question to the server each time."""
    if not connection.is_usable():
        raise DisconnectionError("PostgreSQL has closed the connection")


def _prepare(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None  # `_begin` begins transactions, not the sqlite3 module
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("read_only", False):
        connection.exec_driver_sql("BEGIN DEFERRED")
        return
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA busy_timeout = {deadline.remaining(LOCK_WAIT_S) * 1000:.0f}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
