"""The service as real processes, any of which can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STOPS_WITHIN_S = 60.0


class ServerProcess:
    """The process tree of `script/server`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = {**os.environ, **environment}
        self._log = log

    def start(self) -> None:
        """Start the process tree."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot.server"],
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> int:
        """Ask the server to end, wait for it, and return its exit status."""
        self._process.terminate()
        return self._process.wait(STOPS_WITHIN_S)

    # -- faults

    def kill(self) -> None:
        """Kill all processes at once, as in a power failure."""
        self._process.kill()  # the parent first, since it would start the others again
        self._process.wait(STOPS_WITHIN_S)
        ends_at = time.monotonic() + STOPS_WITHIN_S
        while processes := _session(self._process.pid):
            assert time.monotonic() < ends_at, f"processes {processes} cannot be killed"
            _kill(*processes)

    def kill_everything(self) -> None:
        """Kill all processes and start the server again."""
        self.kill()
        self.start()

    def kill_worker(self) -> None:
        """Kill the worker, which its parent starts again."""
        _kill(*self.running("bot.worker")[:1])

    def kill_web(self) -> None:
        """Kill the parent of the web server's processes."""
        _kill(*self.running("granian")[:1])

    def kill_web_child(self) -> None:
        """Kill the process that answers requests, whose parent starts another."""
        _kill(*self.running("granian")[1:])

    def running(self, command: str) -> list[int]:
        """The tree's processes with these words in their command line, parents first."""
        return [pid for pid in _session(self._process.pid) if command in _command(pid)]


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[ServerProcess]:
    """A server that is killed when the block ends."""
    server = ServerProcess(environment, log)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _session(leader: int) -> list[int]:
    """The running processes of a session, the oldest first; also those whose parents have ended."""
    pids = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _is_in_session(pid, leader)]


def _is_in_session(pid: int, leader: int) -> bool:
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
