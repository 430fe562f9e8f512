"""The `Idempotency-Key` header: a repeated POST with the same key does not create a second resource."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Response, current_app, request

from marketplace_api import idempotency
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.refused import Refused
from marketplace_api.rest import errors
from marketplace_api.rest.access import caller, shop

HEADER = "Idempotency-Key"
PATTERN = r'^("[!#-\[\]-~]{1,255}"|[!#-~][!-~]{0,254})$'  # quoted as in RFC 8941, or bare

P = ParamSpec("P")
R = TypeVar("R")


def idempotent(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Perform the view once for an idempotency key; later calls get the first answer.

    Only final answers are stored: success, or a refusal by the shop. It must be directly under `requires`, because a
    key belongs to its caller.
    """

    @wraps(view)
    def once(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        key = _key()
        if key is None:
            return view(*args, **kwargs)

        def perform() -> StoredAnswer:
            response = current_app.make_response(view(*args, **kwargs))  # type: ignore[arg-type]
            return StoredAnswer(response.status_code, response.get_data(as_text=True))

        fingerprints = idempotency.fingerprints_of(shop(), request.method, request.path, request.get_data())
        return _response(idempotency.answer_once(shop(), caller().id, key, fingerprints, perform))

    return once


def _key() -> str | None:
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    if not re.fullmatch(PATTERN, sent):
        raise Refused("bad_idempotency_key", 400)
    return sent.strip('"') if sent.startswith('"') else sent


def _response(stored: StoredAnswer) -> Response:
    mimetype = errors.MIMETYPE if stored.status >= 400 else "application/json"
    return Response(stored.body, stored.status, mimetype=mimetype)
