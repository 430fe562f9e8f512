"""The line to a shop elsewhere: how long it waits, what it asks again, and what it makes of strange answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from msgspec.json import Decoder

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


class Script:
    """A shop that answers what it is told, and keeps what was asked."""

    def __init__(self) -> None:
        self.status, self.pieces = "200 OK", [b'{"name": "Akinyi", "artisan": true}']
        self.asked: list[WSGIEnvironment] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["body"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.asked.append(environ)
        start_response(self.status, [("Content-Type", "application/json")])
        return self.pieces


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def proxy(script: Script) -> Iterator[tuple[FaultProxy, str]]:
    with fault_proxy(script) as proxy:
        yield proxy


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def unreachable(because: str) -> Iterator[None]:
    with pytest.raises(Unreachable, match=because):
        yield


def wire(proxy: tuple[FaultProxy, str], clock: Callable[[], datetime] = Clock(), **how: Any) -> MarketplaceClient:  # noqa: B008
    return MarketplaceClient(proxy[1], KEY, clock, **how)


def asked(line: MarketplaceClient, seconds: float = 5) -> CallerProfile:
    return line.get("/phones/%2B254711000103", Decoder(CallerProfile), line.deadline(seconds))


def told(line: MarketplaceClient, key: str = "key-1") -> CommandResult:
    return line.post(
        "/phones/%2B254711000103/commands", SetPrice("K7P4", 1500_00), key, Decoder(CommandResult), line.deadline(5)
    )


def test_it_shows_its_key_and_asks_for_the_whole_number(script: Script, proxy: tuple[FaultProxy, str]) -> None:
    assert asked(wire(proxy)) == CallerProfile("Akinyi", artisan=True)
    (environ,) = script.asked
    assert (environ["HTTP_AUTHORIZATION"], environ["PATH_INFO"]) == (f"Bearer {KEY}", "/phones/+254711000103")


def test_a_command_carries_its_key_and_its_name(script: Script, proxy: tuple[FaultProxy, str]) -> None:
    script.pieces = [b'{"outcome": {"kind": "done"}, "speaker": {"name": "Akinyi", "artisan": true}}']

    assert told(wire(proxy)) == DONE
    (environ,) = script.asked
    assert environ["HTTP_IDEMPOTENCY_KEY"] == "key-1"
    assert environ["body"] == b'{"type":"SetPrice","code":"K7P4","price":150000}'


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(
    script: Script, proxy: tuple[FaultProxy, str]
) -> None:
    script.pieces = [b'{"outcome": {"kind": "done"}, "speaker": {"name": "Akinyi", "artisan": true}}']
    proxy[0].fail("lost_answer", times=1)

    assert told(wire(proxy)) == DONE
    assert [environ["HTTP_IDEMPOTENCY_KEY"] for environ in script.asked] == ["key-1", "key-1"]


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
def test_what_is_no_answer_counts_as_none(
    script: Script, proxy: tuple[FaultProxy, str], status: str, body: bytes, because: str
) -> None:
    script.status, script.pieces = status, [body]
    line = wire(proxy)

    with unreachable(because):
        asked(line)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b'{"reason": "idempotency_key_reused"}', "idempotency_key_reused"), (b'{"errors": []}', "not_valid")],
)
def test_a_command_that_the_shop_cannot_take_is_refused_for_its_reason(
    script: Script, proxy: tuple[FaultProxy, str], body: bytes, reason: str
) -> None:
    script.status, script.pieces = "422 Unprocessable Entity", [body]
    line = wire(proxy)
    with pytest.raises(InvalidRequestError, match=reason):
        told(line)
    market = RemoteSession(RemoteMarketplace(line), "+254711000103", NOW, line.deadline(5))

    assert market.perform(SetPrice("K7P4", 1500_00), "key-1") == Outcome("rejected", reason)


def test_an_answer_that_trickles_in_is_waited_for_no_longer_than_allowed(
    script: Script, proxy: tuple[FaultProxy, str]
) -> None:
    script.pieces = [b" "] * 1000
    hours = count()

    with unreachable("Timeout"):
        asked(wire(proxy, timer=lambda: float(next(hours))), seconds=10)
    assert next(hours) < 1000


def test_an_answer_without_an_end_is_not_listened_to(script: Script, proxy: tuple[FaultProxy, str]) -> None:
    script.pieces = [b" " * 65536] * (LARGEST_ANSWER // 65536 + 2)

    with unreachable("Timeout"):
        asked(wire(proxy))


def test_who_comes_too_late_to_ask_does_not_ask(script: Script, proxy: tuple[FaultProxy, str]) -> None:
    with unreachable("Timeout"):
        asked(wire(proxy), seconds=0)
    assert script.asked == []


def test_a_line_that_kept_somebody_waiting_is_shut_for_a_moment_and_then_tried_again(
    script: Script, proxy: tuple[FaultProxy, str]
) -> None:
    clock = Clock()
    line = wire(proxy, clock)
    proxy[0].fail("no_answer", times=1)
    with unreachable("Timeout"):
        asked(line, seconds=0.2)
    with unreachable("a moment ago"):
        asked(line)
    assert script.asked == []
    clock.now += timedelta(seconds=3)

    assert asked(line).artisan


def test_a_shop_that_says_at_once_that_it_is_broken_is_asked_by_the_next(
    script: Script, proxy: tuple[FaultProxy, str]
) -> None:
    line = wire(proxy)
    proxy[0].fail("server_error", times=1)
    with unreachable("status 500"):
        asked(line)

    assert asked(line).artisan


def test_nobody_there_is_no_answer(script: Script) -> None:
    with fault_proxy(script) as (_, url):
        pass
    with unreachable("ConnectionError"):
        asked(MarketplaceClient(url, KEY, Clock()))
