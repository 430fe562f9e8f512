"""ETags, and `304 Not Modified` for clients that already have the current answer (RFC 9110 §8.8.3, §13.1.2).

    ETag: "0d1f…"                          of an answer
    If-None-Match: "77ab…", "0d1f…"        of the next request

The ETags are strong: they are hashes of the answer's bytes, so they change with every shown value, also of other rows
(an artisan's name). A hash takes a few microseconds, and a 304 has no body.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from apiflask.scaffold import APIScaffold
from flask import Response, current_app, request

P = ParamSpec("P")
R = TypeVar("R")

_document = APIScaffold().doc


def with_etag(view: Callable[P, R]) -> Callable[P, Response]:
    """Add an ETag to the answer, and answer 304 if the client has it.

    It must be the outermost decorator, and only on views that give every caller the same answer.
    """

    @_document(responses=[304])
    @wraps(view)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        response = current_app.make_response(view(*args, **kwargs))  # type: ignore[arg-type]
        response.add_etag()
        response.cache_control.no_cache = True  # may be stored, but must be revalidated
        response.make_conditional(request)
        return response

    return answered
