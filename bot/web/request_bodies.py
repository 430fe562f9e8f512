"""Reads the body of a request whole, within limits of time, size and number (docs/adr/0026).

A thread that reads from granian cannot be interrupted. So one thread looks at all open reads, and answers those that
take too long with 408. The thread that reads is free again when the client sends the rest or closes the connection;
until then its read counts, and how many reads may be open is bounded.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from http import HTTPStatus
from io import BytesIO
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from wsgiref.types import WSGIEnvironment

from bot.web.early_answers import KEY, EarlyAnswer

log = logging.getLogger(__name__)

SECONDS = 5.0
"""For a whole body."""
TICK_S = 0.2
MOST_TRUSTED = 256
"""Bodies at once of callers whose path holds a secret."""
MOST_UNTRUSTED = 256
"""Bodies at once of all others."""
MOST_OF_ADDRESS = 128
"""Of these, bodies of one address; one request can be in flight on each connection of a busy proxy."""
MANY_UNTRUSTED, FEW_OF_ADDRESS = 128, 8
"""With so many open, an address that has more than a few gets no other, so that two addresses cannot take all."""
TOO_SLOW = b"The request was not complete in time.\n"


class Tokens(SimpleQueue[None]):
    """So many of something may be in use; who takes a token puts it back. It costs a tenth of a semaphore's time."""

    def __init__(self, count: int) -> None:
        super().__init__()
        for _ in range(count):
            self.put(None)


class RequestBodies:
    """The bodies that are being read in this process."""

    def __init__(self) -> None:
        # By the id of the environ, which lives as long as its read; the oldest first. Who removes a read answers it.
        self._open: dict[int, tuple[float, WSGIEnvironment]] = {}
        self._trusted = Tokens(MOST_TRUSTED)
        # Of all others by address; a read that was answered counts until it ends.
        self._counts: Counter[str] = Counter()
        self._untrusted = 0
        self._lock = threading.Lock()
        self._is_watched = False

    def read(self, environ: WSGIEnvironment, largest: int, *, is_trusted: bool) -> HTTPStatus | None:
        """Put the whole body into `wsgi.input`, with its length; or return the status with which it is refused."""
        length = _length(environ)
        if length is not None and length > largest:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        most = largest + 1 if length is None else length
        body = self._read_trusted(environ, most) if is_trusted else self._read_untrusted(environ, most)
        if not isinstance(body, bytes):
            return body
        if len(body) > largest:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if length is None:
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ["CONTENT_LENGTH"] = str(len(body))
        elif len(body) < length:
            return HTTPStatus.BAD_REQUEST
        environ["wsgi.input"] = BytesIO(body)
        return None

    def _read_trusted(self, environ: WSGIEnvironment, most: int) -> bytes | HTTPStatus:
        try:
            self._trusted.get_nowait()
        except Empty:
            return HTTPStatus.TOO_MANY_REQUESTS
        try:
            return self._read(environ, most)
        finally:
            self._trusted.put(None)

    def _read_untrusted(self, environ: WSGIEnvironment, most: int) -> bytes | HTTPStatus:
        address = environ.get("REMOTE_ADDR", "")
        if not self._admit(address):
            return HTTPStatus.TOO_MANY_REQUESTS
        try:
            return self._read(environ, most)
        finally:
            self._leave(address)

    def _read(self, environ: WSGIEnvironment, most: int) -> bytes | HTTPStatus:
        """The body, or its first `most` bytes, if it is there in time."""
        if not self._is_watched and KEY in environ:
            self._begin_to_watch()
        began_at = monotonic()
        self._open[id(environ)] = began_at, environ
        try:
            body: bytes = environ["wsgi.input"].read(most)
        except OSError:  # the client has closed the connection
            body = b""
        is_answered = self._open.pop(id(environ), None) is None
        return HTTPStatus.REQUEST_TIMEOUT if is_answered or monotonic() - began_at > SECONDS else body

    def _admit(self, address: str) -> bool:
        """Count a read of this address; False if it has too many, or all together have."""
        with self._lock:
            most = FEW_OF_ADDRESS if self._untrusted >= MANY_UNTRUSTED else MOST_OF_ADDRESS
            if self._untrusted >= MOST_UNTRUSTED or self._counts[address] >= most:
                return False
            self._untrusted += 1
            self._counts[address] += 1
            return True

    def _leave(self, address: str) -> None:
        with self._lock:
            self._untrusted -= 1
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]

    def _begin_to_watch(self) -> None:
        with self._lock:
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="request bodies", daemon=True).start()

    def _watch(self) -> None:
        while True:
            sleep(TICK_S)
            try:
                self.answer_late()
            except Exception:  # without this thread, late bodies would be waited for
                log.exception("late bodies could not be answered; it is tried again")

    def answer_late(self) -> None:
        """Answer every read that has lasted too long."""
        latest = monotonic() - SECONDS
        for key, (began_at, environ) in list(self._open.items()):
            if began_at > latest:
                return
            if KEY in environ and self._open.pop(key, None) is not None:
                log.warning("a body was not whole in time", extra={"address": environ.get("REMOTE_ADDR")})
                _answer(environ)


def _answer(environ: WSGIEnvironment) -> None:
    answer: EarlyAnswer = environ[KEY]
    headers = [*plain_text(TOO_SLOW), ("Connection", "close")]
    if request_id := environ.get("HTTP_X_REQUEST_ID"):
        headers.append(("X-Request-Id", request_id))
    answer(HTTPStatus.REQUEST_TIMEOUT, headers, TOO_SLOW)


def has_body(environ: WSGIEnvironment) -> bool:
    """True if the request has a body, also one of unknown length if the server says where it ends."""
    if environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
        return True
    return "HTTP_TRANSFER_ENCODING" in environ and bool(environ.get("wsgi.input_terminated"))


def _length(environ: WSGIEnvironment) -> int | None:
    """The length that the client has declared; None if the body says itself where it ends."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return None
    declared = environ["CONTENT_LENGTH"]
    return int(declared) if declared.isdecimal() else None


def plain_text(text: bytes) -> list[tuple[str, str]]:
    """The headers of a short answer."""
    return [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
