"""Limits each request by its path: the size of its body, the threads that it may take, and its time for the stores.

Each kind of request has a share of the threads. The public cannot take those of providers, and no other request those
of USSD hops. Every request has a budget for all of its waits (`state/deadline.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from queue import Empty
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import RequestEntityTooLarge

from bot.web.request_bodies import TOO_SLOW, RequestBodies, Tokens, has_body, plain_text
from state import deadline


@dataclass(frozen=True, slots=True, eq=False)
class ThreadShare:
    """The threads of one kind of request: `threads` are handled at once, others wait for up to `wait_s` seconds.

    A waiting request also uses one of the server's threads, so at most `places` requests are handled or wait.
    `budget_s` limits all waits of one request together, in seconds, and this wait is one of them. A request that gets
    no thread is answered 503. If `is_always_answered`, the application handles it, but no store is asked: a USSD caller
    then gets the apology.
    """

    threads: int
    wait_s: float
    budget_s: float
    places: int = 200
    is_always_answered: bool = False
    free: Tokens = field(init=False, repr=False)
    free_places: Tokens = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "free", Tokens(self.threads))
        object.__setattr__(self, "free_places", Tokens(self.places))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one kind of request, whose body has at most `largest_body` bytes.

    `is_trusted` if the path holds a secret. `answers_itself` if the application answers 413 in its own words.
    """

    share: ThreadShare | None
    largest_body: int = 16 * 1024
    is_trusted: bool = False
    answers_itself: bool = False


class RequestLimits:
    """WSGI middleware. `exact` has the limits of paths and of those at most two levels under them.

    For all others, the first of the `prefixes` counts that the path begins with; the last is empty.
    """

    def __init__(self, app: WSGIApplication, exact: Mapping[str, Limits], prefixes: Mapping[str, Limits]) -> None:
        self._app, self._exact, self._prefixes = app, exact, tuple(prefixes.items())
        self._bodies = RequestBodies()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        limits = self._limits(environ["PATH_INFO"])
        if has_body(environ):
            refused = self._bodies.read(environ, limits.largest_body, is_trusted=limits.is_trusted)
            if refused:
                if refused is not HTTPStatus.REQUEST_ENTITY_TOO_LARGE or not limits.answers_itself:
                    return _refuse(refused, start_response)
                environ["wsgi.input"] = _TooLong()
        if limits.share is None:
            return self._app(environ, start_response)
        return self._handle(limits.share, environ, start_response)

    def _limits(self, path: str) -> Limits:
        # a path may hold a secret; finding it by its hash tells nothing of its parts, unlike a comparison
        if limits := self._exact.get(path):
            return limits
        above = path.rpartition("/")[0]
        for known in (above, above.rpartition("/")[0]):
            if limits := self._exact.get(known):
                return limits
        return next(limits for prefix, limits in self._prefixes if path.startswith(prefix))

    def _handle(self, share: ThreadShare, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        before = deadline.begin(share.budget_s)
        try:
            share.free_places.get_nowait()
        except Empty:
            return self._handle_without_thread(share, environ, start_response)
        else:
            try:
                return self._wait_and_handle(share, environ, start_response)
            finally:
                share.free_places.put(None)
        finally:
            deadline.end(before)

    def _wait_and_handle(
        self, share: ThreadShare, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            share.free.get(timeout=share.wait_s)
        except Empty:
            return self._handle_without_thread(share, environ, start_response)
        try:
            return self._app(environ, start_response)
        finally:
            share.free.put(None)

    def _handle_without_thread(
        self, share: ThreadShare, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if not share.is_always_answered:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, start_response)
        with deadline.within(0):
            return self._app(environ, start_response)


class _TooLong:
    """The input of a request whose body is too long."""

    def read(self, _size: int = -1) -> bytes:
        raise RequestEntityTooLarge

    readline = readinto = read


WORDS = {
    HTTPStatus.BAD_REQUEST: b"The request is not complete.\n",
    HTTPStatus.REQUEST_TIMEOUT: TOO_SLOW,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: b"The request is too long.\n",
    HTTPStatus.TOO_MANY_REQUESTS: b"Too many requests at once from this address. Please try again later.\n",
    HTTPStatus.SERVICE_UNAVAILABLE: b"Too many people use the service at this moment. Please try again later.\n",
}
RETRY_AFTER_S = 5


def _refuse(status: HTTPStatus, start_response: StartResponse) -> Iterable[bytes]:
    headers = plain_text(WORDS[status])
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers.append(("Retry-After", str(RETRY_AFTER_S)))
    start_response(f"{status.value} {status.phrase}", headers)
    return [WORDS[status]]
