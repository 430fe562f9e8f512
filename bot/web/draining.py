"""The end of a web process: `/readyz` says no, and each connection is closed with its next answer.

`script/server` sends `SIGNAL` to its web processes and stops them `DRAIN_SECONDS` later. Meanwhile they answer whatever
comes, so that a load balancer has time to notice, and clients that keep connections open find them closed by an answer
and not in the middle of a request.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from bot.web.early_answers import SERVER

SIGNAL = signal.SIGUSR1
CLOSE = ("Connection", "close")


@dataclass(slots=True)
class Draining:
    """Whether this process is about to stop."""

    has_begun: bool = False

    def listen(self) -> None:
        """Begin at `SIGNAL`. Call this in granian's worker; elsewhere it does nothing."""
        if SERVER in sys.modules:
            signal.signal(SIGNAL, self._begin)

    def _begin(self, *_: object) -> None:
        self.has_begun = True


class ClosedConnections:
    """WSGI middleware that closes the connection with each answer once draining has begun."""

    def __init__(self, app: WSGIApplication, draining: Draining) -> None:
        self._app, self._draining = app, draining

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._draining.has_begun:
            return self._app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> Callable[[bytes], object]:
            return start_response(status, [*headers, CLOSE], *error)  # type: ignore[arg-type]

        return self._app(environ, start)
