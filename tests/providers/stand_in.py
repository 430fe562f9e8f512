"""A provider's API that gives the answer that a test has set, over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class StandInRequest:
    path: str
    headers: dict[str, str]
    body: str
    connection: tuple[str, int]


@dataclass
class StandIn:
    """Gives every request the same answer and records it; a `status` of None hangs up without an answer.

    A path in `prepared` is answered 200 with the JSON there instead, and not recorded.
    """

    status: int | None = 201
    body: bytes = b"{}"
    content_type: str = "application/json"
    arrived: list[StandInRequest] = field(default_factory=list)
    prepared: dict[str, bytes] = field(default_factory=dict)
    url: str = ""

    def answer(self, status: int | None, body: bytes = b"", content_type: str = "application/json") -> None:
        self.status, self.body, self.content_type = status, body, content_type


@contextmanager
def serving_stand_in() -> Iterator[StandIn]:
    stand_in = StandIn()

    class StandInRequests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            prepared = stand_in.prepared.get(self.path.partition("?")[0])
            if prepared is not None:
                self._write(200, prepared, "application/json")
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            stand_in.arrived.append(StandInRequest(self.path, headers, body, self.client_address))
            if stand_in.status is None:
                self.close_connection = True
                return
            self._write(stand_in.status, stand_in.body, stand_in.content_type)

        def _write(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), StandInRequests)
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stand_in
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def free_address() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
