"""A body is read whole before the application sees it, or the request is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from typing import Any

import pytest

from bot.web import request_bodies
from bot.web.early_answers import KEY
from bot.web.request_bodies import RequestBodies, has_body

LARGEST = 10


class Input:
    """The input of a request; `during` is called while it is read."""

    def __init__(self, body: bytes, during: Callable[[], object] = lambda: None) -> None:
        self._body, self._during = BytesIO(body), during
        self.was_read = False

    def read(self, size: int = -1) -> bytes:
        self.was_read = True
        self._during()
        return self._body.read(size)


def request(source: Input, length: int | None = None, address: str = "192.0.2.1", **more: Any) -> dict[str, Any]:
    """The environ of a request with a body, chunked without a length."""
    said = {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": str(length)}
    return {"wsgi.input": source, "wsgi.input_terminated": True, "REMOTE_ADDR": address, **said, **more}


def read(
    environ: dict[str, Any], bodies: RequestBodies | None = None, *, is_trusted: bool = False
) -> HTTPStatus | None:
    return (bodies or RequestBodies()).read(environ, LARGEST, is_trusted=is_trusted)


@pytest.mark.parametrize("length", [4, None], ids=["with a length", "chunked"])
def test_a_whole_body_is_passed_on_with_its_length(length: int | None) -> None:
    environ = request(Input(b"four"), length)

    assert has_body(environ)
    assert read(environ) is None
    assert environ["wsgi.input"].read() == b"four"
    assert environ["CONTENT_LENGTH"] == "4"
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_a_body_that_says_that_it_is_too_long_is_not_read() -> None:
    source = Input(b"")

    assert read(request(source, LARGEST + 1)) == 413
    assert not source.was_read


def test_a_chunked_body_is_read_up_to_the_limit() -> None:
    source = Input(b"x" * 1000)

    assert read(request(source)) == 413
    assert source.read() == b"x" * (1000 - LARGEST - 1)


def test_a_body_that_is_cut_off_is_refused() -> None:
    assert read(request(Input(b"abc"), 4)) == 400


def test_a_broken_connection_is_refused() -> None:
    def broken() -> None:
        raise ConnectionResetError

    assert read(request(Input(b"", broken), 4)) == 400


@pytest.mark.parametrize(
    "environ",
    [{}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}, {"HTTP_TRANSFER_ENCODING": "chunked"}],
    ids=["none", "empty", "zero", "chunked, and the server does not say where it ends"],
)
def test_a_request_without_a_body_is_not_read(environ: dict[str, Any]) -> None:
    assert not has_body(environ)


# Time


def test_a_late_body_is_answered_while_its_thread_still_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies, answers, is_reading, may_end = RequestBodies(), [], threading.Event(), threading.Event()
    monkeypatch.setattr(RequestBodies, "_begin_to_watch", lambda _: None)  # this test looks itself

    def block() -> None:
        is_reading.set()
        assert may_end.wait(30)

    more = {KEY: lambda *answer: answers.append(answer), "HTTP_X_REQUEST_ID": "abc"}
    outcome: list[HTTPStatus | None] = []
    environ = request(Input(b"four", block), 4, **more)
    thread = threading.Thread(target=lambda: outcome.append(read(environ, bodies)))
    thread.start()
    assert is_reading.wait(30)

    bodies.answer_late()
    assert answers == []
    monkeypatch.setattr(request_bodies, "SECONDS", 0.0)
    bodies.answer_late()
    bodies.answer_late()
    ((status, headers, text),) = answers
    assert (status, text) == (408, b"The request was not complete in time.\n")
    assert {("X-Request-Id", "abc"), ("Connection", "close")} < set(headers)

    may_end.set()
    thread.join(30)
    assert outcome == [HTTPStatus.REQUEST_TIMEOUT]
    assert not isinstance(environ["wsgi.input"], BytesIO)


def test_without_early_answers_a_late_body_is_refused_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "SECONDS", -1.0)

    assert read(request(Input(b"four"), 4)) == 408


# Number


def open_at_once(bodies: RequestBodies, addresses: list[str], *, is_trusted: bool = False) -> list[HTTPStatus | None]:
    """Opens a body for each address while all the earlier ones are still being read; how each of them ended."""
    outcomes: list[HTTPStatus | None] = []

    def open_next(number: int) -> None:
        if number < len(addresses):
            during = Input(b"four", lambda: open_next(number + 1))
            outcome = read(request(during, 4, addresses[number]), bodies, is_trusted=is_trusted)
            if outcome is HTTPStatus.TOO_MANY_REQUESTS:
                open_next(number + 1)
            outcomes.insert(0, outcome)

    open_next(0)
    return outcomes


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> RequestBodies:
    """With small bounds."""
    bounds = {"MOST_TRUSTED": 4, "MOST_UNTRUSTED": 8, "MOST_OF_ADDRESS": 5, "MANY_UNTRUSTED": 5, "FEW_OF_ADDRESS": 1}
    for name, bound in bounds.items():
        monkeypatch.setattr(request_bodies, name, bound)
    return RequestBodies()


REFUSED = HTTPStatus.TOO_MANY_REQUESTS


def test_one_address_has_a_bound_and_others_still_get_in(bodies: RequestBodies) -> None:
    assert open_at_once(bodies, ["a"] * 7 + ["b", "b", "c"]) == [*[None] * 5, REFUSED, REFUSED, None, REFUSED, None]


def test_all_strangers_together_have_a_bound(bodies: RequestBodies) -> None:
    assert open_at_once(bodies, list("abcdefghij")) == [*[None] * 8, REFUSED, REFUSED]


def test_strangers_do_not_take_the_reads_of_callers_who_know_a_secret(bodies: RequestBodies) -> None:
    outcomes: list[HTTPStatus | None] = []

    def ask_as_provider() -> None:
        outcomes.extend(open_at_once(bodies, ["a"] * 5, is_trusted=True))

    last = request(Input(b"four", ask_as_provider), 4, "z")
    strangers = [*"abcdefg"]

    def fill(number: int) -> None:
        if number == len(strangers):
            assert read(last, bodies) is None
        else:
            read(request(Input(b"four", lambda: fill(number + 1)), 4, strangers[number]), bodies)

    fill(0)
    assert outcomes == [*[None] * 4, REFUSED]


def test_reads_that_have_ended_are_not_counted(bodies: RequestBodies) -> None:
    for _ in range(20):
        assert read(request(Input(b"four"), 4), bodies) is None
    assert open_at_once(bodies, ["192.0.2.1"] * 5) == [None] * 5
