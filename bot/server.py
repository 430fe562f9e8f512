"""The process tree of `script/server`: prepares the database, then keeps its two child processes running.

bot.server ─┬─ granian     bot, API, pages, simulator
            └─ bot.worker  messages, webhooks, other jobs and periodic tasks

A child that ends is started again. SIGTERM or SIGINT stops the tree, after `DRAIN_SECONDS` in which the web processes
say that they are not ready (`bot.web.draining`); a second signal ends this time. On Linux SIGKILL stops the tree too,
so that no child runs without the server.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import resource
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPException

from bot.db import start_checks
from bot.providers import registry
from bot.runtime import hardening, logs
from bot.runtime.settings import Settings
from bot.web import draining
from bot.web.request_bodies import MOST_TRUSTED, MOST_UNTRUSTED
from marketplace_api.backoff import Backoff

PORT_SECONDS = 3.0
FINISH_SECONDS = 16
"""For the web processes to finish what they have accepted: more than the longest wait of a callback (`bot.app`)."""
GRACE_SECONDS = FINISH_SECONDS + 2.0
"""For a child to end after SIGTERM, before it is killed."""
RESTARTS = Backoff.doubling(timedelta(seconds=0.5), timedelta(seconds=30))
"""The gaps until a child that ended is started again."""
STEADY_SECONDS = 60.0  # after a child has run this long, its next gap is the shortest again
THREADS = MOST_TRUSTED + MOST_UNTRUSTED + 1000
"""Threads of each web process, more than can wait for bodies and in all shares (`bot.app.limits`). Few of them work at
the same time, and granian starts them when they are needed."""
HEADER_MS = 5000
"""For the head of a request; also how long a connection may be idle."""
MOST_CONNECTIONS = 4096
FILES_PER_CONNECTION = 2  # its own, and what a request opens: connections to the stores, a photo
PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = registry.load_settings()
    logs.configure(as_json=not settings.development, secrets=settings.secrets)
    logs.log_uncaught()
    if not settings.development:
        hardening.protect_process()
    claim_port(settings.host, settings.port)
    start_checks.check(settings.database_url, settings.redis_url, settings.photos_dir)
    raise_file_limit()
    _prepare(settings)
    asyncio.run(_serve(settings))


def claim_port(host: str, port: int) -> None:
    """Check that the port is free; otherwise print one line and exit with 1.

    granian would not notice, because it shares its port with other processes (SO_REUSEPORT). A server that was just
    killed has `PORT_SECONDS` to release it.
    """
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            _bind(host, port)
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"PORT: cannot listen on {host}:{port}: {error.strerror}") from None
        else:
            return
        time.sleep(0.1)


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _prepare(settings: Settings) -> None:
    # imported here, so that a wrong setting or a used port is reported at once
    from bot.migrations import upgrade

    upgrade.upgrade(settings)
    if settings.development and settings.demo is not False and not settings.marketplace_url:
        from bot.demo import seed

        seed.seed(settings)


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    answering = KeptProcess(web(settings))
    async with asyncio.TaskGroup() as tree:
        jobs = (answering.keep_running(), KeptProcess(worker()).keep_running(), _greet(settings))
        tasks = [tree.create_task(job) for job in jobs]
        await stop.wait()
        stop.clear()
        await answering.drain(settings.drain_seconds, stop)
        for task in tasks:
            task.cancel()


def web(settings: Settings) -> list[str]:
    """The web server's command line."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--log-level", "error"),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--workers", str(settings.web_workers), "--blocking-threads", str(THREADS)),
        # a client that sends nothing holds a connection but no thread, and for HEADER_MS at most; HTTP/2 and
        # WebSockets are off, because granian has no such limit for them
        *("--http", "1", "--no-ws", "--http1-header-read-timeout", str(HEADER_MS)),
        *("--backpressure", str(_connections() // settings.web_workers)),
        # the first starts a dead worker again; the second must be shorter than GRACE_SECONDS
        *("--respawn-failed-workers", "--workers-kill-timeout", str(FINISH_SECONDS)),
        "wsgi:app",
    ]


def raise_file_limit() -> None:
    """Let the web processes, which inherit the limit, open as many files as their connections need, if they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_PER_CONNECTION * MOST_CONNECTIONS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard)), hard))


def _connections() -> int:
    """How many connections the web processes together accept."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MOST_CONNECTIONS, soft // FILES_PER_CONNECTION)


def worker() -> list[str]:
    """The worker's command line."""
    return [sys.executable, "-m", "bot.worker"]


class KeptProcess:
    """A child that is started again each time that it ends, after growing pauses."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._child: Process | None = None

    async def keep_running(self) -> None:
        """Run the command until this is cancelled; then stop it."""
        failures = 0
        while True:
            started = time.monotonic()
            code = await self._run()
            failures = failures + 1 if time.monotonic() - started < STEADY_SECONDS else 1
            gap_s = RESTARTS.gap(failures).total_seconds()
            log.error("%s ended with %s; it starts again in %g s", self._command[2], code, gap_s)
            await asyncio.sleep(gap_s)

    async def drain(self, seconds: float, sooner: asyncio.Event) -> None:
        """Let the web processes say that they will stop, and wait so many seconds, or until `sooner` is set."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, draining.SIGNAL)
        with suppress(TimeoutError):
            await asyncio.wait_for(sooner.wait(), seconds)

    async def _run(self) -> int:
        # in its own process group: Ctrl-C reaches it once, through us, and its own children are killed with it
        self._child = child = await asyncio.create_subprocess_exec(
            *self._command, stdin=DEVNULL, process_group=0, preexec_fn=_prepare_child
        )
        try:
            return await child.wait()
        finally:
            self._child = None
            await _stop(child)


async def _stop(child: Process) -> None:
    """Terminate the child, wait for it, and kill the remaining processes of its group."""
    with suppress(ProcessLookupError):
        child.terminate()
    with suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


def _prepare_child() -> None:
    """Called in the new child: it ignores `draining.SIGNAL`, and on Linux gets SIGTERM when this process dies."""
    signal.signal(draining.SIGNAL, signal.SIG_IGN)
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def _greet(settings: Settings) -> None:
    while not await asyncio.to_thread(_answers, settings.host, settings.port):
        await asyncio.sleep(0.1)
    sys.stdout.write(welcome(settings))
    sys.stdout.flush()


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def welcome(settings: Settings) -> str:
    """The text that is printed when the server is ready: its URLs and, in development, an API key."""
    rows = {
        "Shop window": f"{settings.url}/",
        "API": f"{settings.url}/api/v1",
        "OpenAPI": f"{settings.url}/api/v1/openapi.json",
    }
    if settings.development:
        rows["Simulator"] = f"{settings.url}/simulator" + (
            f"  (dial {settings.ussd_code})" if settings.ussd_code else ""
        )
        rows["API key"] = f"{settings.operator_key}  (scope operator, development only)"
    return "\nSoko is open.\n\n" + "".join(f"  {name:<14}{value}\n" for name, value in rows.items()) + "\n"


if __name__ == "__main__":
    main()
