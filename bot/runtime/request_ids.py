"""`X-Request-Id`: comes in or is made, goes out again, and stands in every line logged in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from structlog.contextvars import bind_contextvars, reset_contextvars

_TAKEN = re.compile(r"[A-Za-z0-9._:-]{1,64}")  # it goes into a header and a log, so nothing else may stand in it


class RequestIds:
    """Around an application."""

    def __init__(self, app: WSGIApplication, new_id: Callable[[], str]) -> None:
        self._app, self._new_id = app, new_id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _TAKEN.fullmatch(sent) else self._new_id()

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> Callable[[bytes], object]:
            return start_response(status, [*headers, ("X-Request-Id", request_id)], *error)  # type: ignore[arg-type]

        before = bind_contextvars(request_id=request_id)  # bound_contextvars would look through all that is bound
        try:
            return self._app(environ, start)
        finally:
            reset_contextvars(**before)
