"""What we keep in Redis, at one server or at several, as `REDIS_URL` says: sessions, and what scripts count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import ClusterDownError, NoPermissionError, NoScriptError, RedisError, TimeoutError

from state import deadline
from state.redis_addresses import ServerGroup, group_of
from state.redis_groups import PATIENCE_S, ServersOf
from state.redis_sessions import PREFIX, TIMEOUT_S, RedisSessions
from state.sessions import Claimed, Seen, Sessions, SidePage

Script = Callable[[Sequence[str], Sequence[Any]], Any]
"""Runs a script with its keys, which have the same slot, and its arguments."""
STARTED = "soko:started"
MOST_KEYS = 200
"""Among so many keys there are some of each master, if there are not many more than twenty."""

Answer = TypeVar("Answer")


def sessions(url: str) -> Sessions:
    """The session store at this address."""
    group = group_of(url)
    return GroupSessions(group) if group else RedisSessions(url)


def script(url: str, source: str, *, timeout: float = TIMEOUT_S, patience: float = PATIENCE_S) -> Script:
    """Runs this Lua script where its keys are. Raises redis.RedisError.

    One server has `timeout` to answer; with several, the script is sent again for `patience` while masters change.
    """
    group = group_of(url)
    if group is None:
        client = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
        run: Any = client.register_script(source)
        return lambda keys, arguments: run(keys=keys, args=arguments)
    servers, code = ServersOf(group, _Node), source.encode()

    def run_in_group(keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return servers.at(keys[0], lambda node: node.run(code, keys, arguments), patience)
        except deadline.TimeIsUpError:
            raise TimeoutError("the request has no time left") from None

    return run_in_group


def write(url: str, timeout: float) -> None:
    """Write to the Redis at this address, or to the one of its servers that has the key. Raises redis.RedisError."""
    if group := group_of(url):
        ServersOf(group, _Node).at(STARTED, lambda node: node.write(STARTED), timeout)
        return
    redis = Redis.from_url(url, protocol=2, driver_info=None, socket_timeout=timeout, socket_connect_timeout=timeout)
    try:
        if _is_in_cluster(redis):
            raise RedisError("this server is a node of a Redis Cluster, whose address begins with redis+cluster://")
        redis.set(STARTED, b"", px=1000)
    finally:
        redis.close()


def eviction_policies(url: str, timeout: float = TIMEOUT_S) -> set[str]:
    """What the servers do when they are full, such as `noeviction`. Raises redis.RedisError."""
    if group := group_of(url):
        answers = [node.info("memory") for node in ServersOf(group, _Node).masters()]
        return {line.partition(":")[2].strip() for text in answers for line in text.splitlines() if _is_policy(line)}
    with Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout) as redis:
        return {str(redis.info("memory")["maxmemory_policy"])}


def _is_policy(line: str) -> bool:
    return line.startswith("maxmemory_policy:")


def server_time(url: str, timeout: float = TIMEOUT_S) -> datetime:
    """The time at the one server at this address. Raises redis.RedisError."""
    with Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout) as redis:
        seconds, micros = redis.time()
    return datetime.fromtimestamp(int(seconds) + int(micros) / 1e6, UTC)


def _is_in_cluster(redis: Redis) -> bool:
    with suppress(NoPermissionError):
        return bool(redis.info("cluster").get("cluster_enabled"))
    return False


class _Node(RedisSessions):
    """One server of several. It has no sessions of the version that knew one server only."""

    def __init__(self, url: str, is_asking: bool) -> None:
        super().__init__(url)
        self._is_asking = is_asking

    def delete(self, msisdn: str) -> None:
        self._ask("DEL", self._prefix + msisdn)

    def write(self, key: str) -> None:
        """Write something that expires."""
        self._ask("SET", key, "", "PX", 60_000)

    def info(self, section: str) -> str:
        """A section of what the server says of itself."""
        return bytes(self._ask("INFO", section)).decode()

    def run(self, source: bytes, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script."""
        call = (len(keys), *keys, *arguments)
        try:
            return self._ask("EVALSHA", sha1(source, usedforsecurity=False).hexdigest(), *call)
        except NoScriptError:
            return self._ask("EVAL", source, *call)

    def _former(self, msisdn: str, now: float) -> None:
        return None

    def _ask(self, *command: Any) -> Any:
        return self._ask_in_turn(("ASKING",), command) if self._is_asking else super()._ask(*command)


class GroupSessions:
    """`Sessions` in several servers: those of a person are at the master that has the person's key."""

    def __init__(self, group: ServerGroup) -> None:
        self._servers = ServersOf(group, _Node)

    def load(self, msisdn: str, now: float) -> bytes | None:
        return self._at(msisdn, lambda node: node.load(msisdn, now))

    def look(self, msisdn: str, now: float) -> Seen | None:
        return self._at(msisdn, lambda node: node.look(msisdn, now))

    def replace(
        self, msisdn: str, seen: Seen, data: bytes, *, now: float, ttl: float, page: SidePage | None = None
    ) -> Seen | None:
        return self._at(msisdn, lambda node: node.replace(msisdn, seen, data, now=now, ttl=ttl, page=page))

    def claim(self, msisdn: str, holder: str, *, now: float, lease: float) -> Claimed | None:
        return self._at(msisdn, lambda node: node.claim(msisdn, holder, now=now, lease=lease))

    def save(
        self, msisdn: str, data: bytes, holder: str, *, now: float, ttl: float, page: SidePage | None = None
    ) -> bool:
        return self._at(msisdn, lambda node: node.save(msisdn, data, holder, now=now, ttl=ttl, page=page))

    def pages(self, msisdn: str) -> list[bytes]:
        return self._at(msisdn, lambda node: node.pages(msisdn))

    def release(self, msisdn: str, holder: str, *, is_done: bool) -> None:
        self._at(msisdn, lambda node: node.release(msisdn, holder, is_done=is_done))

    def delete(self, msisdn: str) -> None:
        self._at(msisdn, lambda node: node.delete(msisdn))

    def mentioning(self, matches: Callable[[bytes], bool]) -> list[str]:
        self._servers.ask_again()  # a person may be at another master since the last call
        found = [msisdn for node in self._servers.masters() for msisdn in node.mentioning(matches)]
        return list(dict.fromkeys(found))

    def ping(self) -> None:
        """Raises if no master takes a write: while only some of them are away, the people of the others are served."""
        error: RedisError = ClusterDownError("there is no master")
        for node, key in self._servers.each_with_a_key([f"{PREFIX}ping:{number}" for number in range(MOST_KEYS)]):
            try:
                return node.write(key)
            except RedisError as failed:
                error = failed
        self._servers.ask_again()  # the masters may have changed while nobody called
        raise error

    def close(self) -> None:
        for node in self._servers.made():
            node.close()

    def _at(self, msisdn: str, call: Callable[[_Node], Answer]) -> Answer:
        return self._servers.at(PREFIX + msisdn, call)
