"""Webhook endpoints for tests: real servers that record requests and give the answers that a test has set."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

CERTIFICATE = Path(__file__).parent / "hooks.example.pem"
"""A self-signed certificate for the name `hooks.example`; only these tests trust it."""


@dataclass(frozen=True)
class PushedRequest:
    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(json.loads(self.body)["type"])

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]


@dataclass
class Receiver:
    """Answers with `statuses` in turn, and then always with 204; `headers` are sent with every answer.

    No request is answered while `open` is cleared.
    """

    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    arrived: list[PushedRequest] = field(default_factory=list)
    asked: SimpleQueue[PushedRequest] = field(default_factory=SimpleQueue)
    open: Event = field(default_factory=Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/soko"

    @property
    def types(self) -> list[str]:
        return [arrived.type for arrived in self.arrived]

    @property
    def ids(self) -> list[str]:
        return [arrived.id for arrived in self.arrived]


@contextmanager
def receiving(*statuses: int, tls: bool = False) -> Iterator[Receiver]:
    """An endpoint that listens until the block ends."""
    receiver = Receiver(list(statuses))
    receiver.open.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class PushHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            arrived = PushedRequest(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.arrived.append(arrived)
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            receiver.asked.put(arrived)
            receiver.open.wait()
            self.send_response(status)
            for name, value in {"Content-Length": "0", **receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Write no log."""

    return PushHandler
