"""The HTTP client for a remote shop: how long it waits, what it repeats, and which answers it accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from msgspec.json import Decoder
from sqlalchemy import create_engine

from bot.db.unit_of_work import Database
from bot.marketplace.port import Unreachable
from bot.marketplace.remote import (
    LARGEST_ANSWER,
    InvalidRequestError,
    MarketplaceClient,
    RemoteMarketplace,
    RemoteSession,
)
from bot.marketplace.wire import CallerProfile, CommandResult
from flows.commands import Outcome, SetPrice
from tests.remote_marketplace import FaultProxy, fault_proxy

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = "soko_operator_1"
DONE = CommandResult(Outcome("done"), CallerProfile("Akinyi", artisan=True))


class ScriptedShop:
    """A shop that gives the same answer to every request, and records the requests."""

    def __init__(self) -> None:
        self.status, self.pieces = "200 OK", [b'{"name": "Akinyi", "artisan": true}']
        self.headers: list[tuple[str, str]] = []
        self.requests: list[WSGIEnvironment] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["body"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.requests.append(environ)
        start_response(self.status, [("Content-Type", "application/json"), *self.headers])
        return self.pieces


@pytest.fixture
def shop() -> ScriptedShop:
    return ScriptedShop()


@pytest.fixture
def proxy(shop: ScriptedShop) -> Iterator[tuple[FaultProxy, str]]:
    with fault_proxy(shop) as proxy:
        yield proxy


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def unreachable(because: str) -> Iterator[None]:
    with pytest.raises(Unreachable, match=because):
        yield


def client(proxy: tuple[FaultProxy, str], clock: Callable[[], datetime] = SetClock(), **how: Any) -> MarketplaceClient:  # noqa: B008
    return MarketplaceClient(proxy[1], KEY, clock, **how)


def get_caller(client: MarketplaceClient, seconds: float = 5) -> CallerProfile:
    return client.get("/phones/%2B254711000103", Decoder(CallerProfile), client.deadline(seconds))


def post_command(client: MarketplaceClient, key: str = "key-1") -> CommandResult:
    return client.post(
        "/phones/%2B254711000103/commands", SetPrice("K7P4", 1500_00), key, Decoder(CommandResult), client.deadline(5)
    )


def test_a_request_carries_the_api_key_and_the_whole_number(shop: ScriptedShop, proxy: tuple[FaultProxy, str]) -> None:
    assert get_caller(client(proxy)) == CallerProfile("Akinyi", artisan=True)
    (environ,) = shop.requests
    assert (environ["HTTP_AUTHORIZATION"], environ["PATH_INFO"]) == (f"Bearer {KEY}", "/phones/+254711000103")


def test_a_command_is_posted_with_its_key_and_its_type(shop: ScriptedShop, proxy: tuple[FaultProxy, str]) -> None:
    shop.pieces = [b'{"outcome": {"kind": "done"}, "speaker": {"name": "Akinyi", "artisan": true}}']

    assert post_command(client(proxy)) == DONE
    (environ,) = shop.requests
    assert environ["HTTP_IDEMPOTENCY_KEY"] == "key-1"
    assert environ["body"] == b'{"type":"SetPrice","code":"K7P4","price":150000}'


def test_a_request_whose_answer_was_lost_is_repeated_with_the_same_key(
    shop: ScriptedShop, proxy: tuple[FaultProxy, str]
) -> None:
    shop.pieces = [b'{"outcome": {"kind": "done"}, "speaker": {"name": "Akinyi", "artisan": true}}']
    proxy[0].fail("lost_answer", times=1)

    assert post_command(client(proxy)) == DONE
    assert [environ["HTTP_IDEMPOTENCY_KEY"] for environ in shop.requests] == ["key-1", "key-1"]


@pytest.mark.parametrize(
    ("status", "body", "because"),
    [
        ("500 Internal Server Error", b"", "status 500"),
        ("401 Unauthorized", b"{}", "status 401"),
        ("404 Not Found", b"{}", "status 404"),
        ("409 Conflict", b'{"reason": "still_running"}', "status 409"),
        ("302 Found", b"", "status 302"),
        ("200 OK", b"", "cannot be read"),
        ("200 OK", b"<html>", "cannot be read"),
        ("200 OK", b"\xff", "cannot be read"),
        ("200 OK", b'{"name": 7}', "cannot be read"),
        ("200 OK", b"[" * 100_000, "cannot be read"),
        ("422 Unprocessable Entity", b'{"errors": []}', "not_valid"),
    ],
)
def test_an_unusable_answer_counts_as_no_answer(
    shop: ScriptedShop, proxy: tuple[FaultProxy, str], status: str, body: bytes, because: str
) -> None:
    shop.status, shop.pieces = status, [body]
    http = client(proxy)

    with unreachable(because):
        get_caller(http)
    assert len(shop.requests) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b'{"reason": "idempotency_key_reused"}', "idempotency_key_reused"), (b'{"errors": []}', "not_valid")],
)
def test_a_command_that_the_shop_finds_invalid_is_rejected_with_its_reason(
    shop: ScriptedShop, proxy: tuple[FaultProxy, str], body: bytes, reason: str
) -> None:
    shop.status, shop.pieces = "422 Unprocessable Entity", [body]
    http = client(proxy)
    with pytest.raises(InvalidRequestError, match=reason):
        post_command(http)
    database = Database.of(create_engine("sqlite://"))  # it is not used
    market = RemoteSession(RemoteMarketplace(http, database), "+254711000103", NOW, http.deadline(5))

    assert market.perform(SetPrice("K7P4", 1500_00), "key-1") == Outcome("rejected", reason)


def test_a_slow_answer_is_waited_for_until_the_deadline_only(shop: ScriptedShop, proxy: tuple[FaultProxy, str]) -> None:
    shop.pieces = [b" "] * 1000
    seconds_passed = count()

    with unreachable("Timeout"):
        get_caller(client(proxy, timer=lambda: float(next(seconds_passed))), seconds=10)
    assert next(seconds_passed) < 1000


def test_an_endless_answer_is_not_read_to_its_end(shop: ScriptedShop, proxy: tuple[FaultProxy, str]) -> None:
    shop.pieces = [b" " * 65536] * (LARGEST_ANSWER // 65536 + 2)

    with unreachable("Timeout"):
        get_caller(client(proxy))


def test_after_the_deadline_no_request_is_made(shop: ScriptedShop, proxy: tuple[FaultProxy, str]) -> None:
    with unreachable("Timeout"):
        get_caller(client(proxy), seconds=0)
    assert shop.requests == []


def test_after_a_timeout_requests_pause_for_a_moment_and_then_go_on(
    shop: ScriptedShop, proxy: tuple[FaultProxy, str]
) -> None:
    clock = SetClock()
    http = client(proxy, clock)
    proxy[0].fail("no_answer", times=1)
    with unreachable("Timeout"):
        get_caller(http, seconds=0.2)
    with unreachable("a moment ago"):
        get_caller(http)
    assert shop.requests == []
    clock.now += timedelta(seconds=3)

    assert get_caller(http).artisan


def test_after_a_server_error_the_next_request_is_made_at_once(
    shop: ScriptedShop, proxy: tuple[FaultProxy, str]
) -> None:
    http = client(proxy)
    proxy[0].fail("server_error", times=1)
    with unreachable("status 500"):
        get_caller(http)

    assert get_caller(http).artisan


def test_a_busy_shop_is_asked_after_growing_pauses_and_not_before_it_says(
    shop: ScriptedShop, proxy: tuple[FaultProxy, str]
) -> None:
    clock = SetClock()
    http = client(proxy, clock)
    shop.status, shop.headers = "503 Service Unavailable", [("Retry-After", "20")]
    asked_at: list[int] = []
    for second in range(90):
        with pytest.raises(Unreachable):
            get_caller(http)
        if len(shop.requests) > len(asked_at):
            asked_at.append(second)
        clock.now += timedelta(seconds=1)
        if second == 30:
            shop.headers = []
    assert asked_at == [0, 20, 40, 52, 76]


def test_a_refused_connection_counts_as_no_answer(shop: ScriptedShop) -> None:
    with fault_proxy(shop) as (_, url):
        pass
    with unreachable("ConnectionError"):
        get_caller(MarketplaceClient(url, KEY, SetClock()))
