"""A service with both providers' callbacks and nothing behind them, and an API that is a script."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bot.providers import africastalking, twilio
from tests.providers.recording import RecordingHandler

SECRET = "s3cret-path"
TOKEN = "12345"
PUBLIC_URL = "https://bot.example.com"


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture(params=["through Flask", "by the fast path"])
def app(request: pytest.FixtureRequest, handler: RecordingHandler) -> Flask:
    """Both ways a hop may come in, which nobody must be able to tell apart."""
    app = Flask(__name__)
    app.register_blueprint(africastalking.routes(handler, SECRET))
    app.register_blueprint(twilio.routes(handler, PUBLIC_URL, TOKEN))
    if request.param == "by the fast path":
        app.wsgi_app = africastalking.fast_path(app.wsgi_app, handler, SECRET)  # type: ignore[method-assign]
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@dataclass
class Arrived:
    path: str
    headers: dict[str, str]
    body: str
    connection: tuple[str, int]


@dataclass
class StandIn:
    """A provider's API that answers what it is told, and keeps what arrived.

    A `status` of None hangs up without an answer.
    """

    status: int | None = 201
    body: bytes = b"{}"
    content_type: str = "application/json"
    arrived: list[Arrived] = field(default_factory=list)
    url: str = ""

    def answer(self, status: int | None, body: bytes = b"", content_type: str = "application/json") -> None:
        self.status, self.body, self.content_type = status, body, content_type


@pytest.fixture
def api() -> Iterator[StandIn]:
    script = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.arrived.append(Arrived(self.path, headers, body, self.client_address))
            if script.status is None:
                self.close_connection = True
                return
            self.send_response(script.status)
            self.send_header("Content-Type", script.content_type)
            self.send_header("Content-Length", str(len(script.body)))
            self.end_headers()
            self.wfile.write(script.body)

        def log_message(self, format: str, *args: object) -> None:
            """A stand-in says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def nobody_there() -> str:
    """An address at which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"
