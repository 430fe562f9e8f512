"""For tests: a bot whose marketplace is another service, reached over a real socket that can fail."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.serving import WSGIRequestHandler, make_server

from bot.marketplace.remote import RemoteMarketplace
from tests.bot.seeded import seeded
from tests.service import OPERATOR_KEY, Service, serving

Fault = Literal["none", "no_answer", "lost_answer", "server_error", "forbidden", "other_site"]

ANSWERS_WITHIN_S = 60.0
"""How long the bot waits for a shop that answers; the usual seconds may be too short on a busy machine."""
HANGS_S = 0.2
"""How long it waits for a shop that never answers. The end is the same after any time."""


class FaultProxy:
    """A WSGI application in front of a shop; it passes requests on, or fails in the way that was set."""

    def __init__(self, shop: WSGIApplication) -> None:
        self._shop = shop
        self._fault: Fault = "none"
        self._times = 0
        self.requests: list[tuple[str, str]] = []
        """Method and path of every request that arrived here, passed on or not."""
        self.on_request: Callable[[], None] = lambda: None
        """Called at each request, before it is passed on."""
        self.on_fault: Callable[[Fault], None] = lambda _: None
        """Called with each fault that is set."""
        self._closed = Event()

    def fail(self, fault: Fault, times: int = 1_000_000) -> None:
        """Lets the next `times` requests fail; `none` ends the fault at once.

        `no_answer`: the request hangs; `server_error`: 500; `other_site`: 200 with an HTML page; `forbidden`: 403;
        `lost_answer`: the shop performs the request and the connection closes before the answer.
        """
        self._fault, self._times = fault, times
        self.on_fault(fault)

    def close(self) -> None:
        """Releases the requests that hang."""
        self._closed.set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/api/v1")))
        self.on_request()
        if self._times == 0:
            self._fault = "none"
        self._times -= 1
        match self._fault:
            case "none":
                return self._shop(environ, start_response)
            case "no_answer":
                self._closed.wait()
            case "lost_answer":
                b"".join(self._shop(environ, lambda *_: None))  # type: ignore[arg-type]
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            case "server_error":
                start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
                return [b"Oh"]
            case "forbidden":
                start_response("403 Forbidden", [("Content-Type", "application/problem+json")])
                return [b"{}"]
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<h1>Welcome to another site</h1>"]


class QuietRequestHandler(WSGIRequestHandler):
    """Writes no access log, and keeps connections open as production servers do."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        pass


@contextmanager
def fault_proxy(app: WSGIApplication) -> Iterator[tuple[FaultProxy, str]]:
    """A fault proxy in front of an application, served on a real socket, and its URL."""
    proxy = FaultProxy(app)
    server = make_server("127.0.0.1", 0, proxy, threaded=True, request_handler=QuietRequestHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_port}"
    finally:
        proxy.close()
        server.shutdown()
        thread.join()
        server.server_close()


class RemoteSetup:
    """A shop, and a bot that uses this shop as its marketplace; they share nothing but HTTP through the proxy."""

    def __init__(self, shop: Service, bot: Service, proxy: FaultProxy) -> None:
        self.shop, self.bot, self.proxy = shop, bot, proxy

    def later(self, **time: float) -> None:
        """Moves both clocks forward; both workers run until neither finds anything to do."""
        self.shop.later(**time)
        self.bot.later(**time)

    def inbox(self, msisdn: str) -> list[str]:
        """The messages a phone got from the bot, oldest first."""
        return self.bot.inbox(msisdn)

    def commands(self) -> int:
        """How many commands arrived at the proxy."""
        return sum(path.endswith("/commands") for _, path in self.proxy.requests)


@contextmanager
def remote_setup(folder: Path, **bot_settings: Any) -> Iterator[RemoteSetup]:
    """The shop has Otieno's kiosk and Akinyi's pots; the bot's own database is empty."""
    (folder / "shop").mkdir()
    (folder / "bot").mkdir()
    with (
        seeded(folder / "shop", announce="off", public_url="http://shop.example") as shop,
        fault_proxy(shop.app) as (proxy, url),
        serving(folder / "bot", marketplace_url=url, marketplace_api_key=OPERATOR_KEY, **bot_settings) as bot,
    ):
        proxy.on_fault = partial(set_patience, bot)
        proxy.fail("none")
        bot.work()
        yield RemoteSetup(shop, bot, proxy)


def set_patience(bot: Service, fault: Fault) -> None:
    """Lets the bot wait long for its shop, but not while the shop hangs."""
    shop = bot.services.marketplace
    assert isinstance(shop, RemoteMarketplace)
    shop.hop_s = shop.worker_s = HANGS_S if fault == "no_answer" else ANSWERS_WITHIN_S
