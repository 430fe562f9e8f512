"""The real server, and clients that send a request slowly, or only a part of it: nobody else waits for them."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.web.request_bodies import MOST_OF_ADDRESS
from tests.databases import migrated_sqlite
from tests.web_process import USSD, WebProcess, web_process

DROPPED_WITHIN_S = 20.0
"""The client's own limit, for what the server ends after 5 s."""
HEAD = b"POST %s HTTP/1.1\r\nHost: soko\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED, DECLARED = b"Transfer-Encoding: chunked\r\n\r\nb\r\nsessionId=1\r\n", b"Content-Length: 90\r\n\r\nsessionId=1"
PATHS = (
    USSD.encode(),
    b"/webhooks/africastalking/dev/sms",
    b"/webhooks/twilio/sms",
    b"/products/KAPU",
    b"/api/v1/orders",
)
OF_EACH, TOO_MANY = 8, 5


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    folder: Path = tmp_path_factory.mktemp("web")
    with web_process(DATABASE_URL=migrated_sqlite(folder / "soko.db"), REDIS_URL="") as web:
        yield web


def connect(web: WebProcess, stack: ExitStack, sent: bytes) -> socket.socket:
    """A connection on which this was sent, open until the stack is closed."""
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", web.port), DROPPED_WITHIN_S))
    connection.sendall(sent)
    return connection


def status(connection: socket.socket) -> str:
    """The status of the answer; raises TimeoutError if there is none in time."""
    return connection.recv(1000).decode().partition("\r\n")[0].partition(" ")[2]


def test_half_a_request_is_dropped_and_holds_nobody_up(web: WebProcess) -> None:
    with ExitStack() as stack:
        halves = [
            connect(web, stack, HEAD % path + rest)
            for path in PATHS
            for rest in (CHUNKED, DECLARED)
            for _ in range(OF_EACH)
        ]
        trickle = connect(web, stack, HEAD % USSD.encode() + DECLARED)
        silent = [
            connect(web, stack, sent) for sent in (b"", b"POST /", b"GET /healthz HTTP/1.1\r\nHost: soko\r\n\r\n")
        ]
        for number in range(10):
            trickle.sendall(b"x")
            assert web.hop(f"call {number}").text.startswith("CON ")
            assert web.ask("GET", "/healthz", within_s=1.0).status == 200
            assert web.ask("GET", "/", within_s=4.0).status == 200

        assert {status(connection) for connection in [*halves, trickle]} == {"408 Request Timeout"}
        assert status(silent[-1]) == "200 OK"
        assert [connection.recv(1000) for connection in silent] == [b"", b"", b""]
        assert web.hop("after").text.startswith("CON ")


def test_one_address_cannot_open_more_than_its_share(web: WebProcess) -> None:
    with ExitStack() as stack:
        sent = HEAD % b"/products/KAPU" + DECLARED
        waiting = {connect(web, stack, sent) for _ in range(MOST_OF_ADDRESS + TOO_MANY)}
        for _ in range(TOO_MANY):  # these are answered at once, all others after 5 s
            answered, _, _ = select.select(waiting, [], [], DROPPED_WITHIN_S)
            waiting.remove(answered[0])
            assert status(answered[0]) == "429 Too Many Requests"

        assert web.hop("still").text.startswith("CON ")
        assert web.ask("GET", "/", within_s=4.0).status == 200


def test_a_client_that_has_gone_changes_nothing(web: WebProcess) -> None:
    with ExitStack() as stack:
        for path in PATHS:
            connect(web, stack, HEAD % path + DECLARED)

    assert web.ask("POST", "/products/KAPU", "x" * 65_537, within_s=4.0).status == 413
    assert web.hop("later").text.startswith("CON ")
