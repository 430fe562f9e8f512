"""The service as processes of its own, any of which can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Server:
    """`script/server`'s process tree, which is started again when it is killed as a whole."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = {**os.environ, **environment}
        self._log = log

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot.server"],
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> int:
        """Asks it to end, waits, and gives its exit status."""
        self._process.terminate()
        return self._process.wait()

    # -- blows

    def kill(self) -> None:
        """All of it at once, as when the power fails."""
        self._process.kill()  # the parent first, who would start the others again
        self._process.wait()
        while family := _session(self._process.pid):
            for pid in family:
                _kill(pid)

    def kill_everything(self) -> None:
        self.kill()
        self.start()

    def kill_worker(self) -> None:
        _kill(*self._running("bot.worker")[:1])

    def kill_web(self) -> None:
        _kill(*self._running("granian")[:1])

    def kill_web_child(self) -> None:
        """The process that answers, whose parent starts another."""
        _kill(*self._running("granian")[1:])

    def _running(self, command: str) -> list[int]:
        """The tree's processes whose command line holds this, parents first."""
        return [pid for pid in _session(self._process.pid) if command in _command(pid)]


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[Server]:
    server = Server(environment, log)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _session(leader: int) -> list[int]:
    """The processes that run in a session, the oldest first; also those whose parents are gone."""
    pids = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _lives_in(pid, leader)]


def _lives_in(pid: int, leader: int) -> bool:
    with suppress(OSError):  # it has just ended
        state, _parent, _group, session = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
        return int(session) == leader and state != "Z"
    return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
