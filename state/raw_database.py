"""The SQL database through its driver, for statements of which every hop of a call executes some.

SQLAlchemy Core would take several times as long as the statement itself. Each statement is its own transaction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from operator import attrgetter, methodcaller
from sqlite3 import SQLITE_BUSY
from typing import Any, TypeVar

from sqlalchemy import URL, make_url

from state import deadline

_BUSY_SECONDS = 0.25
_BUSY_TRIES = 16
"""How often a statement may meet SQLite's write lock, and wait for it, if the request has the time."""

all_rows: Callable[[Any], list[tuple[Any, ...]]] = methodcaller("fetchall")
"""Reads all rows of a statement."""
rows_touched: Callable[[Any], int] = attrgetter("rowcount")
"""Reads how many rows a statement has changed."""

T = TypeVar("T")


class RawDatabase:
    """The SQLite or PostgreSQL database at `url`, with connections of its own.

    With `prepares`, PostgreSQL keeps each statement for its connection, unless there is a pooler between.
    """

    def __init__(self, url: str | URL, *, prepares: bool) -> None:
        self.url = make_url(url)
        self._driver = self.url.get_dialect().import_dbapi()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._connect = self._connect_sqlite if self.is_sqlite else self._connect_postgresql
        self._prepares = prepares
        # Idle connections. `pop` and `append` are atomic, so no two threads get the same one.
        self._idle: deque[Any] = deque()

    def run(self, sql: str, values: tuple[Any, ...] | Mapping[str, Any], read: Callable[[Any], T]) -> T:
        """Execute the statement, with its values for each `?`, or by name as the driver writes it.

        Returns what `read` returns for its cursor.
        Raises deadline.TimeIsUpError, and the driver's OperationalError.
        """
        if not self.is_sqlite and isinstance(values, tuple):
            sql = sql.replace("?", "%s")
        try:
            return self._once(sql, values, read)
        except self._driver.OperationalError as error:
            tries = _BUSY_TRIES - 2 if _is_busy(error) else 0
        for _ in range(tries):
            try:
                return self._once(sql, values, read)
            except self._driver.OperationalError as error:
                if not _is_busy(error):
                    break
        self.close()  # the server restarted or closed the connection, so the other idle ones are closed too
        return self._once(sql, values, read)

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _once(self, sql: str, values: tuple[Any, ...] | Mapping[str, Any], read: Callable[[Any], T]) -> T:
        deadline.remaining(_BUSY_SECONDS)
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            answer = read(connection.execute(sql, values))
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _connect_sqlite(self) -> Any:
        connection = self._driver.connect(
            self.url.database, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _connect_postgresql(self) -> Any:
        from state.postgresql import TimedConnection  # psycopg takes time to import, and SQLite needs none of it

        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return TimedConnection.open(address, autocommit=True, prepare_threshold=0 if self._prepares else None)


def _is_busy(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) == SQLITE_BUSY
