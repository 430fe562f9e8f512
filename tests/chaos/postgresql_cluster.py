"""PostgreSQL as it survives a machine: three servers under Patroni and etcd, behind HAProxy and PgBouncer.

    soko -> PgBouncer -> HAProxy -> the primary of the three, which Patroni chooses with the help of etcd

All are Debian's programs, in a temporary folder, on free ports, and run as an unprivileged user. A commit is answered
when a standby has it too, so a standby that takes over has all that was acknowledged.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.pgbouncer import running_pgbouncer
from tests.redis_groups import wait_for
from tests.servers import free_port, give_away, newest_postgres, program, unprivileged

TTL_S, LOOP_S, RETRY_S = 8, 1, 3
"""Patroni's times: after `TTL_S` without a sign of the primary, a standby takes over."""
WHOLE_WITHIN_S = 300.0
"""How long a server that was killed may take to follow the new primary; sometimes it must copy all of it."""
PAUSE_S = 0.5
"""Between two questions to Patroni, which is slow to answer."""
LOGGED = 3000
"""Characters of each log that are shown if it takes longer."""
POOL_SIZE = 20
ANSWER_S = 2.0
LOCAL = "127.0.0.1"


class Program:
    """A program with a folder of its own, whose output is a file there."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.folder, self._command = folder, command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self.folder, stdout=log, stderr=log, env=_environment(), **unprivileged()
            )

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


class PatroniNode:
    """One PostgreSQL with its Patroni; both die together, as when their machine does."""

    def __init__(self, folder: Path, name: str, etcd: str) -> None:
        self.name, self.port, self.rest = name, free_port(), free_port()
        self._data = folder / "data"
        (folder / "patroni.json").write_text(json.dumps(self._settings(etcd)))  # JSON is YAML
        self._patroni = Program(folder, program("patroni", "patroni"), str(folder / "patroni.json"))

    def start(self) -> None:
        self._patroni.start()

    def kill(self) -> None:
        postmaster = self._postmaster()
        self._patroni.kill()
        if postmaster:
            with suppress(ProcessLookupError):
                os.kill(postmaster, signal.SIGKILL)
            wait_for(lambda: not Path(f"/proc/{postmaster}").exists())

    @property
    def log(self) -> str:
        """What it has written."""
        return (self._data.parent / "log").read_text()

    def role(self) -> str:
        """`primary`, `sync_standby` or `replica`; empty if Patroni does not answer, or PostgreSQL is not running."""
        _, body = _ask(self.rest, "/patroni")
        said = json.loads(body or "{}")
        if said.get("state") not in ("running", "streaming"):
            return ""
        if said["role"] in ("master", "primary"):
            return "primary"
        return "sync_standby" if said.get("sync_standby") else "replica"

    def _postmaster(self) -> int | None:
        with suppress(OSError, IndexError, ValueError):
            return int((self._data / "postmaster.pid").read_text().split()[0])
        return None

    def _settings(self, etcd: str) -> dict[str, object]:
        trusted = [f"host all all {LOCAL}/32 trust", f"host replication all {LOCAL}/32 trust", "local all all trust"]
        return {
            "scope": "soko",
            "name": self.name,
            "restapi": {"listen": f"{LOCAL}:{self.rest}", "connect_address": f"{LOCAL}:{self.rest}"},
            "etcd3": {"hosts": etcd},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL_S,
                    "loop_wait": LOOP_S,
                    "retry_timeout": RETRY_S,
                    "primary_start_timeout": 0,
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": _PARAMETERS},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums", "no-sync"],
            },
            "postgresql": {
                "listen": f"{LOCAL}:{self.port}",
                "connect_address": f"{LOCAL}:{self.port}",
                "data_dir": str(self._data),
                "bin_dir": str(newest_postgres()),
                "pg_hba": trusted,
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "replicator"},
                    "rewind": {"username": "postgres"},
                },
                "parameters": {"unix_socket_directories": str(self._data.parent)},
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
            },
        }


_PARAMETERS = {"max_connections": 100, "fsync": "off", "wal_log_hints": "on", "shared_buffers": "32MB"}


class PostgresCluster:
    """The nodes, and the URL at which the primary is reached."""

    def __init__(self, nodes: Sequence[PatroniNode], url: str) -> None:
        self.nodes, self.url = nodes, url

    def primary(self) -> PatroniNode:
        """The primary, when there is one."""
        wait_for(lambda: "primary" in self._roles(), WHOLE_WITHIN_S, self._state, PAUSE_S)
        return next(node for node in self.nodes if node.role() == "primary")

    def wait_until_whole(self) -> None:
        """Until all nodes run, and one of them has every commit before it is answered."""
        wait_for(
            lambda: sorted(self._roles()) == ["primary", "replica", "sync_standby"],
            WHOLE_WITHIN_S,
            self._state,
            PAUSE_S,
        )

    def _roles(self) -> list[str]:
        return [node.role() for node in self.nodes]

    def _state(self) -> str:
        logs = [f"{node.name}:\n{node.log[-LOGGED:]}" for node in self.nodes]
        return f"the nodes are {self._roles()}\n" + "\n".join(logs)


@contextmanager
def running() -> Iterator[PostgresCluster]:
    with tempfile.TemporaryDirectory(prefix="soko-patroni-") as name, ExitStack() as stack:
        top = Path(name)
        etcd = _etcd(_folder(top, "etcd"), stack)
        nodes = [PatroniNode(_folder(top, f"pg{number}"), f"pg{number}", etcd) for number in range(3)]
        for node in nodes:
            node.start()
            stack.callback(node.kill)
        port = free_port()
        _run(stack, _haproxy(_folder(top, "haproxy"), _to_primary(port, nodes)))
        pgbouncer = stack.enter_context(running_pgbouncer(LOCAL, port, POOL_SIZE))
        cluster = PostgresCluster(nodes, pgbouncer.url("postgresql+psycopg:///postgres"))
        cluster.wait_until_whole()
        yield cluster


@contextmanager
def balanced(ports: Sequence[int]) -> Iterator[str]:
    """The URL of an HAProxy in front of web servers at these ports."""
    with tempfile.TemporaryDirectory(prefix="soko-haproxy-") as name, ExitStack() as stack:
        port = free_port()
        servers = "\n".join(f"  server web{at} {LOCAL}:{at} check" for at in ports)
        _run(
            stack,
            _haproxy(
                _folder(Path(name), "haproxy"),
                f"listen web\n  mode http\n  bind {LOCAL}:{port}\n  option httpchk GET /healthz\n{servers}\n",
            ),
        )
        yield f"http://{LOCAL}:{port}"


def _etcd(folder: Path, stack: ExitStack) -> str:
    """The address of an etcd."""
    clients, peers = (f"{LOCAL}:{free_port()}" for _ in range(2))
    own = [f"--listen-{kind}-urls=http://{address}" for kind, address in (("client", clients), ("peer", peers))]
    told = [f"--advertise-client-urls=http://{clients}", f"--initial-advertise-peer-urls=http://{peers}"]
    first = ["--name=one", f"--initial-cluster=one=http://{peers}", "--unsafe-no-fsync"]
    _run(stack, Program(folder, program("etcd", "etcd-server"), f"--data-dir={folder}/data", *own, *told, *first))
    wait_for(lambda: _ask(int(clients.rpartition(":")[2]), "/health")[0] == http.client.OK)
    return clients


def _haproxy(folder: Path, sections: str) -> Program:
    usual = "defaults\n  timeout connect 2s\n  timeout client 1h\n  timeout server 1h\n  timeout check 1s\n"
    (folder / "haproxy.cfg").write_text(f"global\n  maxconn 2000\n{usual}{sections}")
    return Program(folder, program("haproxy", "haproxy"), "-db", "-f", str(folder / "haproxy.cfg"))


def _to_primary(port: int, nodes: Sequence[PatroniNode]) -> str:
    servers = "\n".join(f"  server {node.name} {LOCAL}:{node.port} check port {node.rest}" for node in nodes)
    return f"""listen postgresql
  mode tcp
  bind {LOCAL}:{port}
  option httpchk GET /primary
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


def _run(stack: ExitStack, running: Program) -> None:
    running.start()
    stack.callback(running.kill)


def _folder(top: Path, name: str) -> Path:
    folder = top / name
    folder.mkdir()
    top.chmod(0o711)
    give_away(folder)
    return folder


def _environment() -> dict[str, str]:
    """Debian's programs in Python find their own packages, not those of the tests."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


def _ask(port: int, path: str) -> tuple[int, bytes]:
    """The status and the body of an HTTP answer; 0 and nothing without one."""
    connection = http.client.HTTPConnection(LOCAL, port, timeout=ANSWER_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
