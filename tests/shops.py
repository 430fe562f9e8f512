"""A marketplace elsewhere, for tests: the whole service behind a real socket, and all that can happen on the way."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.bot import scenes
from tests.service import OPERATOR_KEY, Service, serving


class Road:
    """The way to a shop, and what happens to whoever takes it: see `goes`."""

    def __init__(self, shop: WSGIApplication) -> None:
        self._shop = shop
        self._fares, self._times = "well", 0
        self.asked: list[tuple[str, str]] = []
        """Method and path of what arrived, at the shop or not."""
        self.meanwhile: Callable[[], None] = lambda: None
        """Happens while somebody is on the way."""
        self._no_more = Event()

    def goes(self, fares: str, times: int = 1_000_000) -> None:
        """What happens so often from now on, until all is well again.

        `nowhere`: never an answer; `broken`: 500; `astray`: a page of somebody else; `shut`: 403;
        `one way`: it is done, and the answer is lost.
        """
        self._fares, self._times = fares, times

    def end(self) -> None:
        """Whoever still waits need not."""
        self._no_more.set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/api/v1")))
        self.meanwhile()
        if self._times == 0:
            self._fares = "well"
        self._times -= 1
        match self._fares:
            case "well":
                return self._shop(environ, start_response)
            case "nowhere":
                self._no_more.wait()
            case "one way":
                b"".join(self._shop(environ, lambda *_: None))  # type: ignore[arg-type, return-value]
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            case "broken":
                start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
                return [b"Oh"]
            case "shut":
                start_response("403 Forbidden", [("Content-Type", "application/problem+json")])
                return [b"{}"]
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<h1>Welcome to somebody else</h1>"]


class Quiet(WSGIRequestHandler):
    """Keeps no diary; a connection stays open, as with every server that is worth its name."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        pass


@contextmanager
def road_to(app: WSGIApplication) -> Iterator[tuple[Road, str]]:
    """A road to an application, and the address at which it begins."""
    road = Road(app)
    server = make_server("127.0.0.1", 0, road, threaded=True, request_handler=Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield road, f"http://127.0.0.1:{server.server_port}"
    finally:
        road.end()
        server.shutdown()
        thread.join()
        server.server_close()


class Elsewhere:
    """A shop, and a bot that has it as its marketplace: two services with nothing in common but a road."""

    def __init__(self, shop: Service, bot: Service, road: Road) -> None:
        self.shop, self.bot, self.road = shop, bot, road

    def later(self, **time: float) -> None:
        """Both clocks move forward, and both workers do what has come due, until neither finds anything."""
        self.shop.later(**time)
        self.bot.later(**time)

    def inbox(self, msisdn: str) -> list[str]:
        """The texts a phone got from the bot, oldest first."""
        return self.bot.inbox(msisdn)

    def commands(self) -> int:
        """How many commands arrived."""
        return sum(path.endswith("/commands") for _, path in self.road.asked)


@contextmanager
def elsewhere(folder: Path, **bot_settings: Any) -> Iterator[Elsewhere]:
    """Otieno's kiosk and Akinyi's pots are in the shop; the bot's own database is empty."""
    (folder / "shop").mkdir()
    (folder / "bot").mkdir()
    with (
        serving(folder / "shop", announce="off", public_url="https://shop.example") as shop,
        road_to(shop.app) as (road, url),
    ):
        scenes.furnish(shop)
        with serving(folder / "bot", marketplace_url=url, marketplace_api_key=OPERATOR_KEY, **bot_settings) as bot:
            bot.work()
            yield Elsewhere(shop, bot, road)
