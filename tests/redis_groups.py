"""Groups of real Redis servers for the tests: a Redis Cluster, and a master with a replica that Sentinels watch."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from tests.servers import free_port, give_away, program, unprivileged

SLOTS = 16384
NODE_TIMEOUT_MS = 1000
"""After so long without an answer the nodes of a cluster take one of them for lost."""
DOWN_AFTER_MS = 500
"""The same for the Sentinels."""
LIMIT_S = 60.0
"""How long a test waits for its servers."""
PAUSE_S = 0.02
MASTER = "soko"
"""The name under which the Sentinels know the master."""


class Node:
    """One server of a group, on a free port, with a file of its configuration."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = _port()
        self._folder = folder / str(self.port)
        self._folder.mkdir()
        folder.chmod(0o711)
        give_away(self._folder)
        self._file = self._folder / "redis.conf"
        usual = (f"port {self.port}", "bind 127.0.0.1", f"dir {self._folder}", 'save ""', "appendonly no")
        self._file.write_text("\n".join([*usual, *lines, ""]))
        give_away(self._file)  # a Sentinel writes to it
        self._options: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [program("redis-server", "redis-server"), str(self._file), *self._options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **unprivileged())

    def kill(self) -> None:
        """As when the power fails."""
        if self._process:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It answers nothing until the block ends."""
        assert self._process
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def ask(self, *command: Any) -> Any:
        """The answer to a command. Raises redis.RedisError."""
        with redis.Redis(port=self.port, socket_timeout=LIMIT_S, retry=None) as client:
            return client.execute_command(*command)

    def try_to_ask(self, *command: Any) -> Any:
        """As `ask`, but None if the server does not answer, or refuses."""
        with suppress(redis.RedisError):
            return self.ask(*command)
        return None

    def is_master(self) -> bool:
        found = self.try_to_ask("ROLE")
        return bool(found and found[0] == b"master")


class Cluster:
    """A Redis Cluster of some masters, each with some replicas."""

    def __init__(self, folder: Path, masters: int = 3, replicas: int = 0) -> None:
        lines = (
            *("cluster-enabled yes", f"cluster-node-timeout {NODE_TIMEOUT_MS}", "cluster-replica-validity-factor 0"),
            # the people of the other masters are served while one is away
            *("cluster-require-full-coverage no", "repl-diskless-sync-delay 0"),
        )
        self.nodes = [Node(folder, *lines) for _ in range(masters * (1 + replicas))]
        self._masters = masters

    @property
    def url(self) -> str:
        """The address that names two of the nodes."""
        return f"redis+cluster://{','.join(node.address for node in self.nodes[:2])}"

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        for number, node in enumerate(self.nodes):
            wait_for(lambda node=node: node.try_to_ask("PING"))  # type: ignore[misc]
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        masters = self.nodes[: self._masters]
        for number, master in enumerate(masters):
            first, last = (SLOTS * place // len(masters) for place in (number, number + 1))
            master.ask("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port)
        for number, replica in enumerate(self.nodes[self._masters :]):
            master = masters[number % len(masters)].ask("CLUSTER", "MYID")
            wait_for(lambda replica=replica, master=master: replica.try_to_ask("CLUSTER", "REPLICATE", master))  # type: ignore[misc]
        wait_for(self.is_whole)

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def is_whole(self) -> bool:
        """True if all nodes run and know each other, and each master has a replica if there are any."""
        masters = self.masters()
        return (
            len(masters) == self._masters
            and all(self._knows_all(node) for node in self.nodes)
            and (len(self.nodes) == self._masters or all(is_replicated(master) for master in masters))
        )

    def master_of(self, key: str) -> Node:
        """The node that has the key, as most of the others say."""
        slot = key_slot(key.encode())
        ports = [port for node in self.nodes if (port := self._port_of(node, slot))]
        chosen = max(ports, key=ports.count)
        return next(node for node in self.nodes if node.port == chosen)

    def masters(self) -> list[Node]:
        return [node for node in self.nodes if node.is_master()]

    def _port_of(self, node: Node, slot: int) -> int | None:
        ranges = node.try_to_ask("CLUSTER", "SLOTS") or []
        return next((int(master[1]) for first, last, master, *_ in ranges if first <= slot <= last), None)

    def _knows_all(self, node: Node) -> bool:
        info = node.try_to_ask("CLUSTER", "INFO") or b""
        return b"cluster_state:ok" in info and b"cluster_known_nodes:%d\r" % len(self.nodes) in info


class Watched:
    """A master and its replica, and some Sentinels, of which most must agree that the master is lost."""

    def __init__(self, folder: Path, sentinels: int = 1) -> None:
        self.servers = [Node(folder, "repl-diskless-sync-delay 0") for _ in range(2)]
        lines = (
            f"sentinel monitor {MASTER} 127.0.0.1 {self.servers[0].port} {sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {MASTER} 3000",
        )
        self.sentinels = [Node(folder, *lines) for _ in range(sentinels)]
        for sentinel in self.sentinels:
            sentinel._options = ["--sentinel"]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(node.address for node in self.sentinels)}/{MASTER}/0"

    def start(self) -> None:
        for node in self.servers:
            node.start()
            wait_for(lambda node=node: node.try_to_ask("PING"))  # type: ignore[misc]
        master, replica = self.servers
        replica.ask("REPLICAOF", "127.0.0.1", master.port)
        wait_for(lambda: is_replicated(master))
        for sentinel in self.sentinels:
            sentinel.start()
        for sentinel in self.sentinels:
            wait_for(lambda sentinel=sentinel: self._knows_all(sentinel))  # type: ignore[misc]

    def stop(self) -> None:
        for node in (*self.sentinels, *self.servers):
            node.kill()

    def master(self) -> Node:
        found = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return next(node for node in self.servers if node.port == int(found[1]))

    def _knows_all(self, sentinel: Node) -> bool:
        replicas = sentinel.try_to_ask("SENTINEL", "REPLICAS", MASTER) or []
        others = sentinel.try_to_ask("SENTINEL", "SENTINELS", MASTER) or []
        return len(replicas) == 1 and len(others) == len(self.sentinels) - 1


@contextmanager
def running_cluster(masters: int = 3, replicas: int = 0) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="soko-cluster-") as folder:
        cluster = Cluster(Path(folder), masters, replicas)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def running_watched(sentinels: int = 1) -> Iterator[Watched]:
    with tempfile.TemporaryDirectory(prefix="soko-sentinel-") as folder:
        watched = Watched(Path(folder), sentinels)
        try:
            watched.start()
            yield watched
        finally:
            watched.stop()


def wait_for(
    look: Callable[[], Any],
    limit_s: float = LIMIT_S,
    otherwise: Callable[[], str] = lambda: "the servers are not ready",
    pause_s: float = PAUSE_S,
) -> None:
    """Wait until `look` returns something true; fails after `limit_s` with what `otherwise` says."""
    ends_at = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < ends_at, otherwise()
        time.sleep(pause_s)


def is_replicated(master: Node) -> bool:
    """True if the master has a replica that gets what is written: at first it only promises to."""
    with redis.Redis(port=master.port, single_connection_client=True, retry=None) as client:
        client.eval("redis.call('PUBLISH', 'nobody', '')", 0)
        return bool(client.wait(1, 100))


def _port() -> int:
    """A free port below 22768: nodes of a cluster also listen on one that is higher by 10000."""
    return next(port for port in iter(free_port, 0) if port < 22_000)
