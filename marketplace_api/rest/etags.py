"""ETags, and `304 Not Modified` for clients that have the current answer already (RFC 9110 §8.8.3, §13.1.2).

    ETag: "0d1f…"                          of an answer
    If-None-Match: "77ab…", "0d1f…"        of the next request

The ETags are strong: they are hashes of the answer's bytes, so they change with anything shown, also with other rows
(an artisan's name). This costs a few microseconds and saves sending the body.
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
    """Give the answer an ETag, and answer 304 when the client has it.

    Write it as the outermost decorator, and only on views that answer the same to everybody.
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
