"""`X-Request-Id`: taken from the request or generated, returned in the answer, and added to the request's log lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import count
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from bot.runtime.structured import structlog

_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,64}")  # characters that are safe in a header and in a log
_bind, _reset = structlog.contextvars.bind_contextvars, structlog.contextvars.reset_contextvars


class RequestIds:
    """WSGI middleware that gives each request its id.

    A new id is `prefix`, by which processes differ, and a number. To ask the operating system for a random one would
    let another thread run each time.
    """

    def __init__(self, app: WSGIApplication, prefix: str) -> None:
        self._app, self._prefix, self._numbers = app, prefix, count(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _ACCEPTED.fullmatch(sent) else f"{self._prefix}{next(self._numbers):08x}"
        environ["HTTP_X_REQUEST_ID"] = request_id  # for an answer that does not pass here (bot/web/request_bodies.py)

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> Callable[[bytes], object]:
            return start_response(status, [*headers, ("X-Request-Id", request_id)], *error)  # type: ignore[arg-type]

        before = _bind(request_id=request_id)  # bound_contextvars is slower: it reads all bound variables
        try:
            return self._app(environ, start)
        finally:
            _reset(**before)
