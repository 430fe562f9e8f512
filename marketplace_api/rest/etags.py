"""`304 Not Modified`: whoever has an answer already is told that it still holds.

    ETag: "0d1f…"                          of an answer
    If-None-Match: "77ab…", "0d1f…"        of the next request

An ETag here is strong: it is made of the very bytes of the answer, so it changes with anything shown, also with
what stands in other rows (an artisan's name), and costs a few microseconds. What it saves is the way.
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
    """Give the answer an ETag, and only say so when the caller has it. Outermost, for answers alike to everybody."""

    @_document(responses=[304])
    @wraps(view)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        response = current_app.make_response(view(*args, **kwargs))  # type: ignore[arg-type]
        response.add_etag()
        response.cache_control.no_cache = True  # keep it, but ask
        response.make_conditional(request)
        return response

    return answered
