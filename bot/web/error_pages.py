"""The pages for an address that there is not (404), and for a moment at which the shop cannot be read (503)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask import Flask, Response, make_response, render_template, request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import NotFound

from bot.web import preferences
from state.deadline import TimeIsUpError

RETRY_AFTER_S = 30
PROGRAMS = ("/webhooks/", "/healthz", "/readyz", "/metrics")
"""The beginnings of paths that no person opens."""
FAILURES = OperationalError, InterfaceError, PoolTimeoutError, TimeIsUpError
"""What a database raises that is away, frozen or full."""
log = logging.getLogger(__name__)


def add(app: Flask, languages: Sequence[str]) -> None:
    """Answers 404 in words on every page, and 503 on those of the shop while its database fails."""

    @app.errorhandler(NotFound)
    def not_found(error: NotFound) -> Response | NotFound:
        if request.path.startswith(PROGRAMS):
            return error
        return _page("shop/not_found.html", 404)

    def unavailable(error: Exception) -> Response:
        if request.blueprint not in ("shop", "discovery"):
            raise error
        log.exception("a page of the shop could not be read")
        answer = _page("shop/unavailable.html", 503)
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    for failure in FAILURES:
        app.register_error_handler(failure, unavailable)

    def _page(template: str, status: int) -> Response:
        preferences.read(languages)
        return make_response(render_template(template), status)
