"""Requests from outside in the wire log: calls of our API, and what somebody posts to our webhooks by hand.

Those that are refused before the application sees them (`bot/web/request_limits.py`) are among them.

They are kept in memory until somebody reads the log, so that a hop touches no database. Each process keeps its own, and
adds them when the log is read from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Self
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from bot.runtime.clock import MovableClock
from bot.simulator import wire
from bot.simulator.gateway import OF_SIMULATOR
from bot.simulator.wire import API_CALL, Exchange, Wire

API, WEBHOOKS = "/api/v1/", "/webhooks/"
_PAGES = (f"{API}docs", f"{API}openapi.json")
_SHOWN_HEADERS = (
    "Content-Type",
    "Authorization",
    "Idempotency-Key",
    "at-ussd-hop-metadata",
    "X-Twilio-Signature",
    "Stripe-Signature",
)


@dataclass(frozen=True, slots=True)
class OutsideRequests:
    """Those that wait to be logged, each with the real time at which it came; of many, the newest."""

    wire: Wire
    clock: MovableClock
    last_reset: Callable[[], datetime | None]
    waiting: deque[tuple[datetime, Exchange]] = field(default_factory=lambda: deque(maxlen=wire.KEPT))

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """The application, of which the requests from outside are noted."""

        def noted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if not _is_outside(environ):
                return app(environ, start_response)
            came_at, request = self.clock.real, _Request.of(environ, self.clock())
            statuses: list[int] = []

            def start(status: str, *rest: object) -> Callable[[bytes], object]:
                statuses.append(int(status.partition(" ")[0]))
                return start_response(status, *rest)  # type: ignore[arg-type]

            chunks = _whole(app(environ, start))
            said = b"".join(chunks)[: wire.LONGEST_PART].decode(errors="replace")
            self.waiting.append((came_at, request.exchange(_body(environ), statuses[-1], said)))
            return chunks

        return noted

    def forget(self) -> None:
        """Forget what waits in this process."""
        self.waiting.clear()

    def log(self) -> None:
        """Move what waits into the log, without what came before a reset by another process."""
        began = self.last_reset()
        while self.waiting:
            came_at, exchange = self.waiting.popleft()
            if began is None or came_at >= began:
                self.wire.record(exchange)


def _is_outside(environ: WSGIEnvironment) -> bool:
    """False for what the simulator posts and logs itself, and for the products that its page shows."""
    path = environ["PATH_INFO"]
    is_logged = path.startswith((API, WEBHOOKS)) and not path.startswith(_PAGES)
    return is_logged and OF_SIMULATOR not in environ and not environ.get("HTTP_REFERER", "").endswith("/simulator")


def _body(environ: WSGIEnvironment) -> str:
    """The body that was read whole (`bot/web/request_bodies.py`); empty if it was not, because it was refused."""
    sent = environ["wsgi.input"]
    return sent.getvalue()[: wire.LONGEST_PART].decode(errors="replace") if isinstance(sent, BytesIO) else ""


def _whole(answer: Iterable[bytes]) -> list[bytes]:
    """All parts of an answer; none of the API or of a webhook is long."""
    try:
        return list(answer)
    finally:
        if close := getattr(answer, "close", None):
            close()


@dataclass(frozen=True, slots=True)
class _Request:
    """A request as it came: the application changes the environment while it answers."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    at: datetime

    @classmethod
    def of(cls, environ: WSGIEnvironment, at: datetime) -> Self:
        written = {name: environ.get(_variable(name), "") for name in _SHOWN_HEADERS}
        headers = {name: value for name, value in written.items() if value}
        query = environ.get("QUERY_STRING", "")
        return cls(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, at)

    def exchange(self, body: str, status: int, answer: str) -> Exchange:
        provider = API_CALL if self.path.startswith(API) else self.path.split("/")[2]
        path = f"{self.path}?{self.query}" if self.query else self.path
        return wire.exchange(
            *("in", provider, self.method, path, body),
            status=status,
            answer=answer,
            headers=self.headers,
            at=self.at,
        )


def _variable(header: str) -> str:
    """The name of a header in a WSGI environment."""
    name = header.upper().replace("-", "_")
    return name if name == "CONTENT_TYPE" else f"HTTP_{name}"
