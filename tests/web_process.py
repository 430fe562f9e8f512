"""The real web server in a process of its own, as `script/server` starts it, without the worker."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from bot import server
from bot.providers import registry
from tests import runs
from tests.servers import free_port

STARTS_WITHIN_S = 60.0
SHARED_MACHINE = 2.25
"""How many times as long an answer may take in a usual run, where other tests use the same processors.

A full run asks for the contract's times. The faults of these tests took ten seconds or had no end.
"""
USSD = "/webhooks/africastalking/dev/ussd"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    text: str


@dataclass(frozen=True, slots=True)
class WebProcess:
    """Where the server listens."""

    port: int

    def ask(self, method: str, path: str, body: str | None = None, *, within_s: float) -> HttpAnswer:
        """The answer; raises TimeoutError if there is none in this time."""
        limit_s = within_s if runs.is_full() else within_s * SHARED_MACHINE
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit_s)
        try:
            connection.request(method, path, body, FORM if body else {})
            answer = connection.getresponse()
            return HttpAnswer(answer.status, answer.read().decode())
        finally:
            connection.close()

    def hop(self, session: str, *typed: str, msisdn: str = "+254711000999", within_s: float = 4.0) -> HttpAnswer:
        """The answer to a USSD hop, by default within the time that the contract allows."""
        fields = {"sessionId": session, "phoneNumber": msisdn, "serviceCode": "*384*22#", "text": "*".join(typed)}
        return self.ask("POST", USSD, urlencode(fields), within_s=within_s)


@contextmanager
def web_process(**environment: str) -> Iterator[WebProcess]:
    """The running server over a migrated database."""
    port = free_port()
    settings = registry.make_settings(port=port)
    process = subprocess.Popen(
        server.web(settings),
        env={**os.environ, "PORT": str(port), **environment},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    web = WebProcess(port)
    try:
        _wait_until_alive(web, process)
        yield web
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_alive(web: WebProcess, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < ends_at:
        with suppress(OSError, http.client.HTTPException):
            if web.ask("GET", "/healthz", within_s=STARTS_WITHIN_S).status == 200:
                return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError("the web server does not answer")
