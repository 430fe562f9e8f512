"""Sessions in Redis: a load is one GET, a save is one compare-and-set script.

A value is the version and the expiry, packed, followed by the conversation's bytes. Commands are sent directly over
redis-py's connections, because its client takes longer than the round trip.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from hashlib import sha1
from typing import Any

from redis import ConnectionPool
from redis.exceptions import ConnectionError, NoScriptError

from state.sessions import Stored

_HEAD = struct.Struct(">qd")  # version, Unix seconds at which it expires

_SAVE = b"""
local head = redis.call('GETRANGE', KEYS[1], 0, 15)
local version = 0
if #head == 16 then
    local saved, expires_at = struct.unpack('>i8d', head)
    if expires_at > tonumber(ARGV[2]) then version = saved end
end
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
"""
_SAVE_SHA = sha1(_SAVE, usedforsecurity=False).hexdigest()


class RedisSessions:
    """`Sessions` in the Redis at `url` (`redis://…`, `rediss://…`, `unix://…`)."""

    def __init__(self, url: str, prefix: str = "soko:session:") -> None:
        # RESP2 is parsed faster than RESP3, and its features are sufficient.
        self._connections = ConnectionPool.from_url(url, protocol=2, driver_info=None)
        self._prefix = prefix
        # Idle connections. `pop` and `append` are atomic, so no two threads get the same one.
        self._idle: deque[Any] = deque()

    def load(self, msisdn: str, now: float) -> Stored | None:
        value = self._ask("GET", self._prefix + msisdn)
        if value is None:
            return None
        version, expires_at = _HEAD.unpack_from(value)
        # Redis expires keys by its own clock; in development ours may have been moved forward.
        return Stored(version, value[_HEAD.size :]) if expires_at > now else None

    def save(self, msisdn: str, data: bytes, *, expected: int, now: float, ttl: float) -> bool:
        value = _HEAD.pack(expected + 1, now + ttl) + data
        call = (1, self._prefix + msisdn, expected, now, value, math.ceil(ttl * 1000))
        try:
            return bool(self._ask("EVALSHA", _SAVE_SHA, *call))
        except NoScriptError:
            return bool(self._ask("EVAL", _SAVE, *call))

    def delete(self, msisdn: str) -> None:
        self._ask("DEL", self._prefix + msisdn)

    def ping(self) -> None:
        self._ask("SET", f"{self._prefix}ping", "", "PX", 60_000)  # a replica or a full Redis answers reads alone

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().disconnect()

    def _ask(self, *command: Any) -> Any:
        connection = self._borrow()
        try:
            return _talk(connection, command)
        except ConnectionError:  # the server restarted or closed the connection; the next command reconnects
            return _talk(connection, command)
        finally:
            self._idle.append(connection)

    def _borrow(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connections.make_connection()


def _talk(connection: Any, command: tuple[Any, ...]) -> Any:
    connection.send_command(*command)
    return connection.read_response()
