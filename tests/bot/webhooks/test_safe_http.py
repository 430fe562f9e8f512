"""A POST goes only to an address that was checked."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from bot.webhooks.safe_http import Poster, PostError, PostResult, system_resolver
from tests.receivers import CERTIFICATE, Receiver, receiving


class Resolver:
    """Resolves every name to the same addresses, and records the requests."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.addresses


def development_poster(resolve: Callable[[str, int], Sequence[str]] | None = None, **more: object) -> Poster:
    return Poster(anywhere=True, resolve=resolve or Resolver("127.0.0.1"), **more)  # type: ignore[arg-type]


def reason(poster: Poster, url: str) -> str:
    with pytest.raises(PostError) as caught:
        poster.post(url, b"{}", {})
    return caught.value.reason


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_body_and_headers_arrive_unchanged(receiver: Receiver) -> None:
    answer = development_poster().post(
        receiver.url + "?a=b", "ቅርጫት".encode(), {"webhook-id": "evt_1", "User-Agent": "Soko"}
    )

    assert answer == PostResult(204, None)
    (arrived,) = receiver.arrived
    assert (arrived.path, arrived.body) == ("/soko?a=b", "ቅርጫት")
    assert arrived.headers["webhook-id"] == "evt_1"


def test_the_name_is_resolved_once_and_the_connection_goes_to_the_checked_address(receiver: Receiver) -> None:
    resolver = Resolver("127.0.0.1")
    development_poster(resolver).post(f"http://hooks.example:{receiver.port}/", b"{}", {})

    assert resolver.asked == [("hooks.example", receiver.port)]
    assert receiver.arrived[0].headers["host"] == f"hooks.example:{receiver.port}"


def test_over_tls_the_certificate_must_be_for_the_name_that_was_asked_for() -> None:
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    with receiving(tls=True) as receiver:
        poster = development_poster(tls=trusting)
        assert poster.post(f"https://hooks.example:{receiver.port}/", b"{}", {}).status == 204
        assert reason(poster, f"https://other.example:{receiver.port}/") == "insecure"
        assert len(receiver.arrived) == 1


def test_a_certificate_from_an_unknown_authority_is_refused() -> None:
    with receiving(tls=True) as receiver:
        assert reason(development_poster(), f"https://hooks.example:{receiver.port}/") == "insecure"
        assert receiver.arrived == []


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["1.1.1.1", "127.0.0.1"]]
)
def test_a_name_with_a_private_address_is_not_connected_to(receiver: Receiver, addresses: list[str]) -> None:
    outside_development = Poster(anywhere=False, resolve=Resolver(*addresses))

    assert reason(outside_development, f"http://hooks.example:{receiver.port}/") == "not_public"
    assert receiver.arrived == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost"])
def test_unusual_spellings_of_a_private_address_are_recognised(receiver: Receiver, host: str) -> None:
    assert reason(Poster(anywhere=False), f"http://{host}:{receiver.port}/") == "not_public"
    assert receiver.arrived == []


def test_after_an_address_that_does_not_answer_the_next_is_tried(receiver: Receiver) -> None:
    answer = development_poster(Resolver("127.0.0.2", "127.0.0.1")).post(
        f"http://hooks.example:{receiver.port}/", b"{}", {}
    )

    assert answer.status == 204


def test_no_redirect_is_followed(receiver: Receiver) -> None:
    with receiving(307) as elsewhere:
        elsewhere.headers["Location"] = receiver.url
        assert development_poster().post(elsewhere.url, b"{}", {}).status == 307
    assert receiver.arrived == []


def test_no_proxy_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert development_poster().post(receiver.url, b"{}", {}).status == 204
        assert proxy.arrived == []


def test_a_port_without_a_server_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    assert reason(development_poster(), f"http://hooks.example:{port}/") == "unreachable"


@pytest.mark.parametrize("host", ["name.that.is.not.there.invalid", "a..example", "x" * 64 + ".example"])
def test_a_name_without_an_address_is_unreachable(host: str) -> None:
    assert reason(Poster(anywhere=True, resolve=system_resolver), f"http://{host}/") == "unreachable"


@contextmanager
def raw_server(sent: bytes, *, for_ever: bool = False) -> Iterator[str]:
    """The URL of a server that reads a request and sends these bytes, with `for_ever` again and again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):  # the client may close the connection
                received = b""
                while not received.endswith(b"{}"):
                    received += connection.recv(1024)
                connection.sendall(sent)
                while for_ever:
                    connection.sendall(sent)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


@pytest.mark.parametrize("sent", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"])
def test_an_answer_that_is_not_http_is_no_answer(sent: bytes) -> None:
    with raw_server(sent) as url:
        assert reason(development_poster(), url) == "no_answer"


def test_an_endpoint_that_never_answers_times_out() -> None:
    with receiving() as silent:
        silent.open.clear()
        assert reason(development_poster(answer_s=0.05), silent.url) == "timeout"


def test_an_endpoint_whose_answer_never_ends_times_out() -> None:
    with raw_server(b"HTTP/1.1 100 Continue\r\n\r\n", for_ever=True) as url:
        assert reason(development_poster(answer_s=0.05), url) == "timeout"


def test_only_the_headers_of_an_answer_are_read() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\nRetry-After: 7\r\n\r\nand so on") as url:
        assert development_poster().post(url, b"{}", {}) == PostResult(200, "7")
