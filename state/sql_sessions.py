"""Sessions in the SQL database, through its driver: each call is one statement in its own transaction.

Every hop calls this twice, and SQLAlchemy Core would take several times as long as the statement itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter, methodcaller
from sqlite3 import SQLITE_BUSY
from typing import Any, TypeVar

from sqlalchemy import URL, make_url

from state import deadline
from state.sessions import Claimed

_LOAD = "SELECT data FROM session WHERE msisdn = ? AND expires_at > ? AND data <> ?"
# The row itself is returned, not a snapshot that may be older. Without a conversation its data are empty.
_CLAIM = """
    INSERT INTO session (msisdn, data, expires_at, holder, held_until) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (msisdn) DO UPDATE SET
        left_by = session.holder, holder = excluded.holder, held_until = excluded.held_until
    WHERE session.holder = '' OR session.held_until <= ? OR session.holder = excluded.holder
    RETURNING data, expires_at, left_by"""
_SAVE = "UPDATE session SET data = ?, expires_at = ?, holder = '' WHERE msisdn = ? AND holder = ?"
_RELEASE = "UPDATE session SET holder = '' WHERE msisdn = ? AND holder = ?"
_LEAVE = "UPDATE session SET held_until = 0 WHERE msisdn = ? AND holder = ?"
_ALL = "SELECT msisdn, data FROM session"
_DELETE = "DELETE FROM session WHERE msisdn = ?"
_SWEEP = "DELETE FROM session WHERE expires_at <= ? AND held_until <= ?"
_PING = "SELECT 1"

_BUSY_SECONDS = 0.25
_BUSY_TRIES = 16
"""How often a statement may meet SQLite's write lock, and wait for it, if the request has the time."""

_rows: Callable[[Any], list[tuple[Any, ...]]] = methodcaller("fetchall")
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

    def load(self, msisdn: str, now: float) -> bytes | None:
        rows = self._run(_LOAD, (msisdn, now, b""), _rows)
        return rows[0][0] if rows else None

    def claim(self, msisdn: str, holder: str, *, now: float, lease: float) -> Claimed | None:
        held_until = now + lease
        rows = self._run(_CLAIM, (msisdn, b"", held_until, holder, held_until, now), _rows)
        if not rows:
            return None
        data, expires_at, left_by = rows[0]
        return Claimed(data if data and expires_at > now else None, left_by)

    def save(self, msisdn: str, data: bytes, holder: str, *, now: float, ttl: float) -> bool:
        return self._run(_SAVE, (data, now + ttl, msisdn, holder), _rows_touched) == 1

    def release(self, msisdn: str, holder: str, *, is_done: bool) -> None:
        self._run(_RELEASE if is_done else _LEAVE, (msisdn, holder), _rows_touched)

    def delete(self, msisdn: str) -> None:
        self._run(_DELETE, (msisdn,), _rows_touched)

    def mentioning(self, matches: Callable[[bytes], bool]) -> list[str]:
        return [msisdn for msisdn, data in self._run(_ALL, (), _rows) if matches(data)]

    def ping(self) -> None:
        self._run(_PING, (), _rows)

    def sweep(self, now: float) -> int:
        """Delete the sessions that have expired by `now`; returns how many."""
        return self._run(_SWEEP, (now, now), _rows_touched)

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _run(self, sql: str, values: tuple[Any, ...], read: Callable[[Any], T]) -> T:
        """Execute the statement; returns what `read` returns for its cursor.

        Raises deadline.TimeIsUpError, and the driver's OperationalError.
        """
        for _ in range(_BUSY_TRIES - 1):
            try:
                return self._once(sql, values, read)
            except self._driver.OperationalError as error:
                if getattr(error, "sqlite_errorcode", None) != SQLITE_BUSY:
                    break
        self.close()  # the server restarted or closed the connection, so the other idle ones are closed too
        return self._once(sql, values, read)

    def _once(self, sql: str, values: tuple[Any, ...], read: Callable[[Any], T]) -> T:
        deadline.remaining(_BUSY_SECONDS)
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
        from state.postgresql import TimedConnection  # psycopg takes time to import, and SQLite needs none of it

        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        return TimedConnection.open(address, autocommit=True, prepare_threshold=0)
