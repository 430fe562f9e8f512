"""Sessions in Redis: a claim with its load is one script, a save with its release another.

A session is a hash with the fields `data`, `expires_at`, `holder` and `held_until`, and one for each page.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from redis import ConnectionPool
from redis.exceptions import ConnectionError, NoScriptError, ResponseError

from state import deadline
from state.redis_connection import RedisConnection
from state.sessions import PAGES, Claimed, Seen, SidePage


@dataclass(frozen=True, slots=True)
class _Script:
    """A Lua script for one key, and the name under which Redis keeps it."""

    source: bytes
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.source, usedforsecurity=False).hexdigest())


# ARGV: holder, now, end of the lease, milliseconds for which a person without a conversation is kept
_CLAIM = _Script(b"""
local found = redis.call('HMGET', KEYS[1], 'data', 'expires_at', 'holder', 'held_until')
local holder = found[3] or ''
if holder ~= '' and holder ~= ARGV[1] and tonumber(found[4]) > tonumber(ARGV[2]) then return false end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'held_until', ARGV[3])
if not found[1] then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return {found[1], found[2], holder}
""")
# ARGV: holder, the conversation, when it expires, milliseconds until then; perhaps the field of a page and the page
_SAVE = _Script(b"""
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'data', ARGV[2], 'expires_at', ARGV[3], 'holder', '', unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
""")
# ARGV: what was seen, and then as of the former
_REPLACE = _Script(b"""
local found = redis.call('HMGET', KEYS[1], 'data', 'holder')
if found[1] ~= ARGV[1] or (found[2] or '') ~= '' then return 0 end
redis.call('HSET', KEYS[1], 'data', ARGV[2], 'expires_at', ARGV[3], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
""")
# ARGV: holder, the field and its new value
_RELEASE = _Script(b"""
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) end
return 1
""")

_FIELDS = [f"page{slot}" for slot in range(PAGES)]

TIMEOUT_S = 0.5
"""How long Redis may take to answer, and to accept a connection."""
CLAIM_KEPT_MS = 3600 * 1000
"""How long Redis keeps the claim of a person who has no conversation yet."""

PREFIX = "soko:person:"
"""Before the MSISDN in the key of a person. All of a person is under one key, so in a cluster one server has it."""

# To be removed in the next release: what reads sessions of the version before the claims.
FORMER_PREFIX = "soko:session:"
_FORMER_HEAD = struct.Struct(">qd")
"""Before the conversation's bytes: a version, and when it expires, in Unix seconds."""


class RedisSessions:
    """`Sessions` in the Redis at `url` (`redis://…`, `rediss://…`, `unix://…`)."""

    def __init__(self, url: str, prefix: str = PREFIX) -> None:
        # RESP2 is parsed faster than RESP3, and its features are sufficient.
        self._connections = ConnectionPool.from_url(
            url, protocol=2, driver_info=None, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._prefix = prefix
        # Idle connections. `pop` and `append` are atomic, so no two threads get the same one.
        self._idle: deque[RedisConnection] = deque()

    def load(self, msisdn: str, now: float) -> bytes | None:
        data, expires_at = self._ask("HMGET", self._prefix + msisdn, "data", "expires_at")
        return _unexpired(data, expires_at, now)

    def look(self, msisdn: str, now: float) -> Seen | None:
        data, expires_at, holder = self._ask("HMGET", self._prefix + msisdn, "data", "expires_at", "holder")
        current = None if holder else _unexpired(data, expires_at, now)
        return Seen(current, float(expires_at)) if current is not None else None

    def replace(
        self, msisdn: str, seen: Seen, data: bytes, *, now: float, ttl: float, page: SidePage | None = None
    ) -> Seen | None:
        saved = Seen(data, now + ttl)
        terms = (seen.data, data, saved.expires_at, math.ceil(ttl * 1000))
        return saved if self._run(_REPLACE, msisdn, *terms, *_fields(page)) else None

    def claim(self, msisdn: str, holder: str, *, now: float, lease: float) -> Claimed | None:
        found = self._run(_CLAIM, msisdn, holder, now, now + lease, CLAIM_KEPT_MS)
        if found is None:
            return None
        data, expires_at, left_by = found
        current = _unexpired(data, expires_at, now) if data is not None else self._former(msisdn, now)
        return Claimed(current, left_by.decode())

    def _former(self, msisdn: str, now: float) -> bytes | None:
        """The conversation that the former version has saved, so that an upgrade ends no call."""
        value = self._ask("GET", FORMER_PREFIX + msisdn)
        if value is None:
            return None
        _, expires_at = _FORMER_HEAD.unpack_from(value)
        return value[_FORMER_HEAD.size :] if expires_at > now else None

    def save(
        self, msisdn: str, data: bytes, holder: str, *, now: float, ttl: float, page: SidePage | None = None
    ) -> bool:
        return bool(self._run(_SAVE, msisdn, holder, data, now + ttl, math.ceil(ttl * 1000), *_fields(page)))

    def pages(self, msisdn: str) -> list[bytes]:
        return [page for page in self._ask("HMGET", self._prefix + msisdn, *_FIELDS) if page is not None]

    def release(self, msisdn: str, holder: str, *, is_done: bool) -> None:
        self._run(_RELEASE, msisdn, holder, *(("holder", "") if is_done else ("held_until", 0)))

    def delete(self, msisdn: str) -> None:
        for prefix in (self._prefix, FORMER_PREFIX):
            self._ask("DEL", prefix + msisdn)

    def mentioning(self, matches: Callable[[bytes], bool]) -> list[str]:
        found, cursor = [], b"0"
        while True:
            cursor, keys = self._ask("SCAN", cursor, "MATCH", f"{self._prefix}*", "TYPE", "hash", "COUNT", 1000)
            found += [key for key in keys if any(map(matches, self._kept(key)))]
            if cursor == b"0":
                return [key.decode().removeprefix(self._prefix) for key in dict.fromkeys(found)]

    def _kept(self, key: bytes) -> Iterator[bytes]:
        return (kept for kept in self._ask("HMGET", key, "data", *_FIELDS) if kept is not None)

    def ping(self) -> None:
        self._ask("SET", f"{self._prefix}ping", "", "PX", 60_000)  # a replica or a full Redis answers reads alone

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _run(self, script: _Script, msisdn: str, *arguments: Any) -> Any:
        call = (1, self._prefix + msisdn, *arguments)
        try:
            return self._ask("EVALSHA", script.sha, *call)
        except NoScriptError:
            return self._ask("EVAL", script.source, *call)

    def _ask(self, *command: Any) -> Any:
        """The answer. Raises redis.TimeoutError, and deadline.TimeIsUpError without asking."""
        return self._ask_in_turn(command)

    def _ask_in_turn(self, *commands: tuple[Any, ...]) -> Any:
        """The answer to the last of the commands, which one connection sends."""
        deadline.remaining(TIMEOUT_S)
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._ask_over(self._connect(), commands)
        try:
            return self._ask_over(connection, commands)
        except ConnectionError:  # the server restarted or closed the connection while it was idle
            return self._ask_over(self._connect(), commands)

    def _connect(self) -> RedisConnection:
        return RedisConnection(self._connections.make_connection(), TIMEOUT_S)

    def _ask_over(self, connection: RedisConnection, commands: tuple[tuple[Any, ...], ...]) -> Any:
        try:
            for command in commands:
                answer = connection.ask(command)
        except ResponseError:
            self._idle.append(connection)
            raise
        except BaseException:  # the answer may still come, and would be taken for that of the next command
            connection.close()
            raise
        self._idle.append(connection)
        return answer


def _fields(page: SidePage | None) -> tuple[Any, ...]:
    return (_FIELDS[page.slot], page.data) if page else ()


def _unexpired(data: bytes | None, expires_at: bytes | None, now: float) -> bytes | None:
    """The conversation in a hash; None if there is none, or if it has expired."""
    # Redis expires keys by its own clock; in development ours may have been moved forward.
    return data if expires_at is not None and float(expires_at) > now else None
