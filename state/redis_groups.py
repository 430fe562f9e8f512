"""Several Redis servers that stand in for each other: which one has a key, and calls that outlast a change of masters.

    servers = ServersOf(group, make)
    servers.at("soko:person:+254711000101", lambda made: made.load("+254711000101", now))

A master may be gone, or no longer be one. Then the servers are asked who is, and the call is made again, until the
deadline of the request. So a call must bear to be made twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore, Lock
from typing import Any, Generic, Protocol, TypeVar

from redis import ConnectionPool
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from state import deadline
from state.redis_addresses import Server, ServerGroup

TIMEOUT_S = 0.5
"""How long a server may take to say which servers are masters."""
PATIENCE_S = 3.0
"""How long a call is made again where no deadline ends it earlier."""
LONGEST_PAUSE_S = 0.2
MOST_WAITING = 8
"""So many threads of a process wait until there is a master again. Further calls fail at once: they would take the
threads of people whose master answers."""
MOST_REDIRECTS = 5
TRANSIENT = (ConnectionError, TimeoutError, ReadOnlyError, ClusterDownError, TryAgainError)
"""What happens while masters change. A wrong password, which redis-py counts among them, does not end by itself."""

Made = TypeVar("Made")
Answer = TypeVar("Answer")


class Masters(Protocol):
    """Knows which servers are masters. `of` and `all` ask the servers if it does not know any yet."""

    def of(self, key: str) -> Server:
        """The master that has the key. Raises redis.RedisError if none is known."""
        ...

    def all(self) -> list[Server]:
        """All masters. Raises redis.RedisError if none is known."""
        ...

    def moved(self, error: MovedError, said_by: Server) -> Server:
        """The master that a server has named for a slot."""
        ...

    def ask_again(self, failed: Server | None = None) -> None:
        """Ask the servers who is a master; the one that has `failed` is asked last. Raises redis.RedisError."""
        ...


class ClusterMasters:
    """The masters of a Redis Cluster, each with its slots."""

    def __init__(self, group: ServerGroup) -> None:
        self._group = group
        self._by_slot: dict[int, Server] = {}

    def of(self, key: str) -> Server:
        if not self._by_slot:
            self.ask_again()
        try:
            return self._by_slot[key_slot(key.encode())]
        except KeyError:
            raise ClusterDownError("no node of the cluster has the slot") from None

    def all(self) -> list[Server]:
        if not self._by_slot:
            self.ask_again()
        return list(dict.fromkeys(self._by_slot.values()))

    def moved(self, error: MovedError, said_by: Server) -> Server:
        master = error.host or said_by[0], error.port
        self._by_slot = {**self._by_slot, error.slot_id: master}
        return master

    def ask_again(self, failed: Server | None = None) -> None:
        known = dict.fromkeys([*self._by_slot.values(), *self._group.seeds])
        asked = sorted(known, key=lambda server: server == failed)
        server, ranges = _first_answer(asked, self._group.url, "CLUSTER", "SLOTS")
        self._by_slot = {
            slot: (_text(master[0]) or server[0], master[1])
            for first, last, master, *_replicas in ranges
            for slot in range(first, last + 1)
        }


class SentinelMaster:
    """The one master that the Sentinels name. It has all keys."""

    def __init__(self, group: ServerGroup) -> None:
        self._group = group
        self._master: Server | None = None

    def of(self, _key: str) -> Server:
        return self._master or self._ask()

    def all(self) -> list[Server]:
        return [self._master or self._ask()]

    def moved(self, error: MovedError, said_by: Server) -> Server:
        raise RedisError(f"{said_by[0]}:{said_by[1]} is a node of a Redis Cluster: {error}")

    def ask_again(self, failed: Server | None = None) -> None:
        self._ask()

    def _ask(self) -> Server:
        group = self._group
        command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", group.name)
        _, found = _first_answer(group.seeds, group.sentinel_url, *command)
        if found is None:
            raise RedisError(f"the Sentinels know no master of the name {group.name}")
        self._master = master = _text(found[0]), int(found[1])
        return master


class ServersOf(Generic[Made]):
    """The servers of a group.

    `make` is called with the URL of a server when it is first needed, and with True for one whose every command must
    be preceded by ASKING: a cluster moves the slot of the key to it at the moment.
    """

    def __init__(self, group: ServerGroup, make: Callable[[str, bool], Made]) -> None:
        self._group, self._make = group, make
        self._masters: Masters = ClusterMasters(group) if group.kind == "cluster" else SentinelMaster(group)
        self._made: dict[tuple[Server, bool], Made] = {}
        self._asking, self._asked = Lock(), 0
        self._waiting = BoundedSemaphore(MOST_WAITING)

    def at(self, key: str, call: Callable[[Made], Answer], patience: float = PATIENCE_S) -> Answer:
        """The answer of the master that has the key. Raises what the last attempt raised."""
        try:
            return self._once(key, call)
        except TRANSIENT as error:
            _raise_if_final(error)
            with self._place_to_wait(error):
                return self._again(key, call, patience, error)

    def masters(self) -> list[Made]:
        """One for each master."""
        return [self._of(server) for server in self._masters.all()]

    def each_with_a_key(self, keys: Iterable[str]) -> list[tuple[Made, str]]:
        """The masters that have some of these keys, each with one of them."""
        found = {self._masters.of(key): key for key in keys}
        return [(self._of(server), key) for server, key in found.items()]

    def made(self) -> list[Made]:
        """All that were made so far."""
        return list(self._made.values())

    def ask_again(self) -> None:
        """Ask the servers who is a master. Raises redis.RedisError."""
        self._masters.ask_again()

    def _again(self, key: str, call: Callable[[Made], Answer], patience: float, error: Exception) -> Answer:
        ends_at = time.monotonic() + patience
        for pause in _pauses():
            left = _left(ends_at)
            if not left:
                break
            time.sleep(min(pause, left))
            try:
                return self._once(key, call)
            except TRANSIENT as another:
                _raise_if_final(another)
                error = another
            except deadline.TimeIsUpError:
                break
        raise error

    def _once(self, key: str, call: Callable[[Made], Answer]) -> Answer:
        seen, master = self._asked, None
        try:
            master = self._masters.of(key)
            return self._follow(master, call)
        except TRANSIENT:
            self._refresh(master, seen)
            raise

    def _follow(self, server: Server, call: Callable[[Made], Answer]) -> Answer:
        is_asking = False
        for _ in range(MOST_REDIRECTS):
            try:
                return call(self._of(server, is_asking=is_asking))
            except MovedError as error:
                server, is_asking = self._masters.moved(error, server), False
            except AskError as error:
                server, is_asking = (error.host or server[0], error.port), True
        raise ClusterDownError("the nodes of the cluster do not agree who has the slot")

    def _refresh(self, failed: Server | None, seen: int) -> None:
        """Ask the servers again, unless that was done since `seen` or another thread does it now."""
        if not self._asking.acquire(blocking=False):
            return
        try:
            if self._asked == seen:
                with suppress(RedisError, deadline.TimeIsUpError):
                    self._masters.ask_again(failed)
                    self._forget_others()
                self._asked += 1
        finally:
            self._asking.release()

    def _forget_others(self) -> None:
        """Forget servers that are no masters; their connections are closed when the last call has ended."""
        masters = set(self._masters.all())
        for server, is_asking in list(self._made):
            if server not in masters:
                self._made.pop((server, is_asking), None)

    @contextmanager
    def _place_to_wait(self, error: Exception) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise error
        try:
            yield
        finally:
            self._waiting.release()

    def _of(self, server: Server, *, is_asking: bool = False) -> Made:
        try:
            return self._made[server, is_asking]
        except KeyError:
            return self._made.setdefault((server, is_asking), self._make(self._group.url(server), is_asking))


def _raise_if_final(error: Exception) -> None:
    if isinstance(error, AuthenticationError):
        raise error


def _pauses() -> Iterator[float]:
    """None before the second attempt: the servers were asked meanwhile. Then growing ones, in seconds."""
    yield 0.0
    pause = 0.02
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_PAUSE_S)


def _left(ends_at: float) -> float:
    """The seconds that are left for a call."""
    try:
        return deadline.remaining(max(0.0, ends_at - time.monotonic()))
    except deadline.TimeIsUpError:
        return 0.0


def _first_answer(servers: Iterable[Server], url: Callable[[Server], str], *command: str) -> tuple[Server, Any]:
    """The first server that answers, and its answer; None counts as an answer only if no other one comes."""
    error: RedisError = ConnectionError("no server is known")
    empty: Server | None = None
    for server in servers:
        deadline.remaining(TIMEOUT_S)
        try:
            found = _ask(url(server), *command)
        except ResponseError as refused:
            raise refused
        except RedisError as failed:
            error = failed
        else:
            if found is not None:
                return server, found
            empty = server
    if empty is None:
        raise error
    return empty, None


def _ask(url: str, *command: str) -> Any:
    pool = ConnectionPool.from_url(
        url, protocol=2, driver_info=None, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
    connection: Any = pool.make_connection()
    try:
        connection.send_command(*command)
        return connection.read_response()
    finally:
        connection.disconnect()


def _text(value: bytes | None) -> str:
    return (value or b"").decode()
