"""The servers that `script/bench --wire` compares, each pinned to one processor, and the processor time they use."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import redis
from sqlalchemy import insert

from bot import server
from bot.db.engine import create_engine
from bot.providers import registry
from marketplace_api.models import Artisan, Kiosk
from state.tables import person
from tests.bench import wire_load
from tests.servers import free_port

ARTISANS = 200
STARTS_WITHIN_S = 60.0
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": secrets.token_hex(32),
    "WEBHOOK_SECRET": secrets.token_hex(32),
    "SMS_PROVIDER": "africastalking",
    "AT_USERNAME": "soko",
    "AT_API_KEY": "atsk_1",
}
"""The settings of a public service: in development each hop also looks whether the clock was moved."""
USSD = f"/webhooks/africastalking/{PRODUCTION['WEBHOOK_SECRET']}/ussd"
PEERS = Path(__file__).parent / "peers"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
ANSWERS = ("5", "0", "6", "0")
"""Into the settings, back, to the help, and back: the four hops after the dial."""
ECHO = ("CON ", *(f"CON {'*'.join(ANSWERS[:hop])}" for hop in range(1, len(ANSWERS) + 1)))
SCREENS = ("Soko: Artisan ", "1. Language", "Soko: Artisan ", "text CALL.", "Soko: Artisan ")


@dataclass(frozen=True, slots=True)
class Subject:
    """A server that is measured: the command that starts it at a port, and what its screens show."""

    name: str
    command: Callable[[int], Sequence[str | Path]]
    path: str = "/"
    shows: Sequence[str] = ("CON ",) * (len(ANSWERS) + 1)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A subject's process tree, and where it listens."""

    subject: Subject
    port: int
    pid: int

    def cpu_s(self) -> float:
        """The processor time that the tree has used so far, in user and kernel mode."""
        return cpu_s(self.pid)


def web(app: str, workers: int = 1) -> Callable[[int], Sequence[str]]:
    """The command of `script/server` for its web process, with another application."""

    def command(port: int) -> Sequence[str]:
        *options, _ = server.web(registry.make_settings(port=port, web_workers=workers))
        return [*options, app]

    return command


def soko(name: str, workers: int = 1, **environment: str) -> Subject:
    return Subject(name, web("wsgi:app", workers), USSD, SCREENS, PRODUCTION | environment)


@contextmanager
def express(redis_url: str) -> Iterator[Subject | None]:
    """Express with ussd-menu-builder, installed into a temporary folder; None without Node.js and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="soko-peer-") as folder:
        for file in ("package.json", "index.js"):
            shutil.copy(PEERS / file, folder)
        install = [npm, "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"]
        subprocess.run(install, cwd=folder, check=True, timeout=300)
        with redis.Redis.from_url(redis_url) as client:
            client.mset({f"name:{wire_load.msisdn(number)}": f"Artisan {number:04}" for number in range(ARTISANS)})
        production = {"REDIS_URL": redis_url, "NODE_ENV": "production"}
        name = "Express 4 + ussd-menu-builder + Redis"
        yield Subject(name, lambda _port: [node, Path(folder) / "index.js"], "/ussd", SCREENS, production)


@contextmanager
def running(subject: Subject, processors: set[int]) -> Iterator[Running]:
    """The subject, on these processors only."""
    port = free_port()
    process = subprocess.Popen(
        subject.command(port),
        env={**os.environ, "PORT": str(port), **subject.environment},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
    )
    try:
        _wait_until_open(port, process)
        yield Running(subject, port, process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Loader:
    """The process that makes the load, on these processors only."""

    def __init__(self, processors: set[int], connections: int) -> None:
        self.connections = connections
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.wire_load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, processors),
        )

    def run(self, job: wire_load.LoadJob) -> wire_load.LoadResult:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(msgspec.json.encode(job).decode() + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load has failed")
        return msgspec.json.decode(line, type=wire_load.LoadResult)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def add_artisans(url: str) -> None:
    """Artisans with a name and a language, in a migrated database."""
    now, engine = datetime.now(UTC), create_engine(url)
    phones = [wire_load.msisdn(number) for number in range(ARTISANS)]
    kiosk = {"id": "kio_1", "code": "K1", "name": "Market", "town": "Lamu", "agent_name": "A", "created_at": now}
    with engine.begin() as conn:
        conn.execute(insert(Kiosk), {**kiosk, "agent_msisdn": "+254722000222"})
        shared = {"language": "en", "craft": "baskets", "status": "active", "kiosk_id": "kio_1", "created_at": now}
        conn.execute(
            insert(Artisan),
            [
                {"id": f"art_{number}", "msisdn": phone, "name": f"Artisan {number:04}", **shared}
                | {"payout_method": "mobile_money", "payout_msisdn": phone}
                for number, phone in enumerate(phones)
            ],
        )
        seen = {"language": "en", "first_seen_at": now, "updated_at": now}
        conn.execute(insert(person), [{"msisdn": phone, **seen} for phone in phones])
    engine.dispose()


def _wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < ends_at:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} does not listen")


def cpu_s(pid: int) -> float:
    """The processor time that a process and its descendants, also those that ended, have used, in both modes."""
    return sum(map(_cpu_s, _tree(pid)))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / CLOCK_TICKS  # utime, stime, and those of ended children, proc(5)
