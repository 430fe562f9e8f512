"""Answers every error of the API as a problem (`marketplace_api.problems`)."""

from __future__ import annotations

import logging
from http import HTTPStatus

from apiflask import APIFlask, HTTPError
from flask import Response
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from marketplace_api import problems
from marketplace_api.problems import Problem
from marketplace_api.refused import Refused

log = logging.getLogger(__name__)

MIMETYPE = "application/problem+json"
BUSY_RETRY_AFTER_S = 2
"""Seconds until a client should send the request again after the database was busy."""

STATUS_DETAILS = {
    400: "The request cannot be read: its body is not valid JSON.",
    401: "This needs a key: send the header `Authorization: Bearer KEY`.",
    403: "This key may not do that.",
    404: "There is nothing here.",
    405: "This path does not take that method; the Allow header says which ones it takes.",
    413: "The request is too large.",
    415: "The body must be JSON, with the header `Content-Type: application/json`.",
    429: "Too many requests at once; the Retry-After header says in how many seconds to go on.",
    500: "Something went wrong on our side and nothing was changed. Please try again later.",
    503: "The shop is very busy and nothing was changed. Please try again in a moment.",
}


def answer(problem: Problem) -> Response:
    """A problem as a response."""
    return Response(problem.as_json(), problem.status, mimetype=MIMETYPE)


def register(app: APIFlask) -> None:
    """Register handlers on `app` that answer every error as a problem."""
    app.register_error_handler(Refused, lambda refused: answer(problems.refusal(refused)))
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(HTTPError, _not_valid)
    app.register_error_handler(OperationalError, _busy)


def http_problem(error: HTTPException) -> Response:
    """An HTTP error as a problem, with the headers of the error."""
    status = error.code or 500
    detail = STATUS_DETAILS.get(status) or error.description or HTTPStatus(status).phrase
    response = answer(Problem.of(status, detail))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _busy(error: OperationalError) -> Response:
    """Answer 503: the database cannot be reached, or another process has its write lock for longer than we wait."""
    log.exception("the database does not answer")
    return http_problem(ServiceUnavailable(retry_after=BUSY_RETRY_AFTER_S))


def _not_valid(error: HTTPError) -> Response:
    cause = error.__cause__
    return answer(problems.not_valid(cause.errors() if isinstance(cause, ValidationError) else [], error.status_code))
