"""Connections to PostgreSQL that never wait for ever: each wait ends with the budget of its request, or after a limit.

The server enforces these limits, but a server that is frozen or unreachable enforces nothing.
So the client stops waiting too, and closes the connection, because the answer may still come.

Behind a pooler that gives each transaction another connection (PgBouncer), nothing that is set or prepared stays with
us. There each transaction sets its own limits, in the same round trip in which it begins.
"""

from __future__ import annotations

import select
import time
from typing import Any, Self, TypeVar

import psycopg
from psycopg import generators
from psycopg.abc import PQGen, PQGenConn
from psycopg.pq import ExecStatus, TransactionStatus

from state import deadline

STATEMENT_MS, LOCK_MS = 30_000, 3_000
"""The limits in the server, for a statement and for each lock that it waits for."""
WAIT_S = 35.0
"""The limit here, longer than a statement may take in the server."""
CONNECT_S = 5.0
IDLE_MS = 60_000
"""The limit in the server for a transaction whose client sends nothing: it holds its locks, and no events are read."""
_LIMITS = {
    "statement_timeout": STATEMENT_MS,
    "lock_timeout": LOCK_MS,
    "idle_in_transaction_session_timeout": IDLE_MS,
}
_IS_POOLED = "pg_backend_pid() <> %(pid)s"
"""A pooler gives its client another number than the one of a process of PostgreSQL."""
# what is set behind a pooler ends with this transaction, or else it would hold for others, such as a migration
_SET_LIMITS = f"""
    SELECT {_IS_POOLED}, {", ".join(f"set_config('{name}', '{ms}', {_IS_POOLED})" for name, ms in _LIMITS.items())}
"""
_SET_LOCAL = [f"SET LOCAL {name} = {ms}".encode() for name, ms in _LIMITS.items()]

RV = TypeVar("RV")


class TimedConnection(psycopg.Connection[Any]):
    """A connection whose waits end. Afterwards it is closed, and psycopg.OperationalError is raised."""

    is_pooled = False
    """True if there is a pooler between us and PostgreSQL."""

    @classmethod
    def open(cls, *arguments: Any, **options: Any) -> Self:
        """Connect as `psycopg.connect`, with the limits set in the server.

        Behind a pooler no statement is prepared, whatever the options say, and one outside of a transaction has only
        the limits of this side.
        """
        connection = cls.connect(*arguments, **options)
        pid = {"pid": connection.info.backend_pid}
        (connection.is_pooled, *_) = connection.execute(_SET_LIMITS, pid, prepare=False).fetchone() or (False,)
        if not connection.autocommit:
            connection.commit()
        if connection.is_pooled:
            connection.prepare_threshold = None
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

    def _start_query(self) -> PQGen[None]:
        """As psycopg's, which begins a transaction before its first statement; pooled, also set its limits."""
        if not self.is_pooled or self.autocommit or self.pgconn.transaction_status != TransactionStatus.IDLE:
            yield from super()._start_query()
            return
        commands = [self._get_tx_start_command(), *_SET_LOCAL]
        if self._pipeline:  # which sends all of them at once anyway
            for command in commands:
                yield from self._exec_command(command)
            yield from self._pipeline._sync_gen()
            return
        self.pgconn.send_query(b";".join(commands))
        for result in (yield from generators.execute(self.pgconn)):
            if result.status != ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result, encoding=self.info.encoding)

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
