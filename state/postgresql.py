"""Connections to PostgreSQL that never wait for ever: each wait ends with the budget of its request, or after a limit.

The server enforces these limits, but a server that is frozen or unreachable enforces nothing.
So the client stops waiting too, and closes the connection, because the answer may still come.
"""

from __future__ import annotations

import select
import time
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen, PQGenConn

from state import deadline

STATEMENT_MS, LOCK_MS = 30_000, 3_000
"""The limits in the server, for a statement and for each lock that it waits for."""
WAIT_S = 35.0
"""The limit here, longer than a statement may take in the server."""
CONNECT_S = 5.0
IDLE_MS = 60_000
"""The limit in the server for a transaction whose client sends nothing: it holds its locks, and no events are read."""
_LIMITS = """
    SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),
    set_config('idle_in_transaction_session_timeout', %s, false)
"""

RV = TypeVar("RV")


class TimedConnection(psycopg.Connection[Any]):
    """A connection whose waits end. Afterwards it is closed, and psycopg.OperationalError is raised."""

    @classmethod
    def open(cls, *arguments: Any, **options: Any) -> Self:
        """Connect as `psycopg.connect`, with the limits set in the server."""
        connection = cls.connect(*arguments, **options)
        connection.execute(_LIMITS, (str(STATEMENT_MS), str(LOCK_MS), str(IDLE_MS)))
        if not connection.autocommit:
            connection.commit()
        return connection

    def is_usable(self) -> bool:
        """False if the server has closed the connection. It asks the socket only, not the server.

        An idle connection has nothing to read; when the server ends it, it says so and closes the socket.
        """
        if self.closed:
            return False
        idle = select.poll()
        idle.register(self.fileno(), select.POLLIN)
        return not idle.poll(0)

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As psycopg's, but `timeout` is never None and never later than the deadline."""
        try:
            return super().wait(gen, interval, deadline.remaining(WAIT_S if timeout is None else timeout))
        except (psycopg.errors._WaitTimeout, deadline.TimeIsUpError):
            self.pgconn.finish()
            raise psycopg.OperationalError("PostgreSQL did not answer in time") from None

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """As psycopg's, but it ends with the deadline: psycopg's own limit is whole seconds, and two at least."""
        ends_at = time.monotonic() + deadline.remaining(CONNECT_S)
        connecting = super()._connect_gen(conninfo)
        try:
            wanted = next(connecting)
            while True:
                ready = yield wanted
                if time.monotonic() > ends_at:
                    raise psycopg.errors.ConnectionTimeout("PostgreSQL accepted no connection in time")
                wanted = connecting.send(ready)
        except StopIteration as connected:
            connection: Self = connected.value
            return connection
