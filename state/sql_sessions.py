"""Sessions in the SQL database, through its driver: each call is one statement in its own transaction.

Every hop calls this twice, and SQLAlchemy Core would take several times as long as the statement itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter, methodcaller
from typing import Any, TypeVar

from sqlalchemy import URL, make_url

from state.sessions import Stored

_LOAD = "SELECT version, data FROM session WHERE msisdn = ? AND expires_at > ?"
_SAVE_FIRST = """
    INSERT INTO session (version, data, expires_at, msisdn) VALUES (1, ?, ?, ?)
    ON CONFLICT (msisdn) DO UPDATE SET version = 1, data = excluded.data, expires_at = excluded.expires_at
    WHERE session.expires_at <= ?"""
_SAVE_NEXT = """
    UPDATE session SET version = version + 1, data = ?, expires_at = ?
    WHERE msisdn = ? AND expires_at > ? AND version = ?"""
_DELETE = "DELETE FROM session WHERE msisdn = ?"
_SWEEP = "DELETE FROM session WHERE expires_at <= ?"
_PING = "SELECT 1"

_BUSY_SECONDS = 2

_first_row: Callable[[Any], tuple[int, bytes] | None] = methodcaller("fetchone")
_rows_touched: Callable[[Any], int] = attrgetter("rowcount")

T = TypeVar("T")


class SqlSessions:
    """`Sessions` in the table `session` of the SQLite or PostgreSQL database at `url`."""

    def __init__(self, url: str | URL) -> None:
        self._url = make_url(url)
        self._driver = self._url.get_dialect().import_dbapi()
        is_sqlite = self._url.get_backend_name() == "sqlite"
        self._connect = self._connect_sqlite if is_sqlite else self._connect_postgresql
        self._placeholder = "?" if is_sqlite else "%s"
        # Idle connections. `pop` and `append` are atomic, so no two threads get the same one.
        self._idle: deque[Any] = deque()

    def load(self, msisdn: str, now: float) -> Stored | None:
        row = self._run(_LOAD, (msisdn, now), _first_row)
        return Stored(*row) if row else None

    def save(self, msisdn: str, data: bytes, *, expected: int, now: float, ttl: float) -> bool:
        values = (data, now + ttl, msisdn, now)
        if expected == 0:
            return self._run(_SAVE_FIRST, values, _rows_touched) == 1
        return self._run(_SAVE_NEXT, (*values, expected), _rows_touched) == 1

    def delete(self, msisdn: str) -> None:
        self._run(_DELETE, (msisdn,), _rows_touched)

    def ping(self) -> None:
        self._run(_PING, (), _first_row)

    def sweep(self, now: float) -> int:
        """Delete the sessions that have expired by `now`; returns how many."""
        return self._run(_SWEEP, (now,), _rows_touched)

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _run(self, sql: str, values: tuple[Any, ...], read: Callable[[Any], T]) -> T:
        """Execute the statement; returns what `read` returns for its cursor."""
        try:
            return self._once(sql, values, read)
        except self._driver.OperationalError:
            self.close()  # the server restarted or closed the connection, so the other idle ones are closed too
            return self._once(sql, values, read)

    def _once(self, sql: str, values: tuple[Any, ...], read: Callable[[Any], T]) -> T:
        connection = self._borrow()
        try:
            answer = read(connection.execute(sql.replace("?", self._placeholder), values))
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _borrow(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _connect_sqlite(self) -> Any:
        connection = self._driver.connect(
            self._url.database, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _connect_postgresql(self) -> Any:
        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        return self._driver.connect(address, autocommit=True, prepare_threshold=0)
