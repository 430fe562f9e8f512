"""A connection to Redis for the commands of hops: one system call sends a command, and one receives its answer.

redis-py connects, with its URLs, passwords and certificates. Its own way to send and receive takes several times as
long: each wait has a `poll` before it, and each system call lets another thread of Python run.
"""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Any

from hiredis import Reader, pack_command
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    InvalidResponse,
    MasterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

_RECEIVED = 64 * 1024
"""Bytes that one system call reads at most; an answer to a hop has about a thousand."""
_TIMEVAL = struct.Struct("ll")
"""Seconds and microseconds, as `setsockopt` takes them."""
_ERRORS: dict[str, type[RedisError]] = {
    "ASK": AskError,
    "CLUSTERDOWN": ClusterDownError,
    "LOADING": BusyLoadingError,
    "MASTERDOWN": MasterDownError,
    "MOVED": MovedError,
    "NOAUTH": AuthenticationError,
    "NOPERM": NoPermissionError,
    "NOSCRIPT": NoScriptError,
    "OOM": OutOfMemoryError,
    "READONLY": ReadOnlyError,
    "TRYAGAIN": TryAgainError,
}
"""The errors of Redis that we tell apart, by their first word, as redis-py names them."""


class RedisConnection:
    """A new connection of redis-py, which this takes over. Close it after any exception but ResponseError.

    No wait is longer than `timeout_s`.
    """

    def __init__(self, connection: Any, timeout_s: float) -> None:
        """Connects; raises redis.ConnectionError and redis.TimeoutError."""
        connection.connect()
        self._connection, self._socket = connection, connection._sock
        self._reader = Reader(protocolError=InvalidResponse, replyError=_error)
        if not isinstance(self._socket, ssl.SSLSocket):
            _let_kernel_wait(self._socket, timeout_s)

    def ask(self, command: tuple[Any, ...]) -> Any:
        """The answer to a command: bytes, an integer, None, or a list of them.

        Raises redis.ConnectionError, redis.TimeoutError and redis.ResponseError.
        """
        try:
            self._socket.sendall(pack_command(command))
            while (answer := self._reader.gets()) is False:  # hiredis: the answer is not complete
                received = self._socket.recv(_RECEIVED)
                if not received:
                    raise ConnectionError("Redis has closed the connection")
                self._reader.feed(received)
        except (TimeoutError, BlockingIOError):
            raise RedisTimeoutError("Redis did not answer in time") from None
        except OSError as error:
            raise ConnectionError(f"Redis cannot be reached: {error.strerror}") from error
        if isinstance(answer, RedisError):
            raise answer
        return answer

    def close(self) -> None:
        self._connection.disconnect()


def _let_kernel_wait(connection: socket.socket, timeout_s: float) -> None:
    """Let the system calls end after the timeout. With a timeout of its own, Python would call `poll` before each."""
    limit = _TIMEVAL.pack(int(timeout_s), int(timeout_s % 1 * 1e6))
    connection.setblocking(True)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _error(message: str) -> RedisError:
    """The error that Redis has answered. redis-py's errors are made of what follows the first word."""
    word, _, rest = message.partition(" ")
    return _ERRORS[word](rest) if word in _ERRORS else ResponseError(message)
