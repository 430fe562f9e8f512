"""The `Idempotency-Key` header: a creating POST may be sent again without harm."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import ParamSpec, TypeVar

from flask import Response, current_app, request

from marketplace_api import idempotency
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.refused import Refused
from marketplace_api.rest import problems
from marketplace_api.rest.access import caller, shop

HEADER = "Idempotency-Key"
PATTERN = r'^("[!#-\[\]-~]{1,255}"|[!#-~][!-~]{0,254})$'  # quoted as in RFC 8941, or bare

P = ParamSpec("P")
R = TypeVar("R")


def idempotent(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Do what `view` does once for a key, however often it is asked; the first answer is the answer.

    Only final answers are kept: that it was done, or that the shop refused. Stands right under
    `requires`, since a key belongs to its caller.
    """

    @wraps(view)
    def once(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        key = _key()
        if key is None:
            return view(*args, **kwargs)
        fingerprint = _fingerprint()
        known = idempotency.recall(shop(), caller().id, key, fingerprint)
        if known is not None:
            return _response(known)
        response = _final(lambda: view(*args, **kwargs))
        kept = StoredAnswer(response.status_code, response.get_data(as_text=True))
        idempotency.remember(shop(), caller().id, key, fingerprint, kept)
        return response

    return once


def _final(perform: Callable[[], object]) -> Response:
    """What came of it. A refusal undoes what was begun, and is an answer too."""
    try:
        with shop().session.begin_nested():
            return current_app.make_response(perform())  # type: ignore[arg-type]
    except Refused as refused:
        return problems.refusal(refused)


def _key() -> str | None:
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    if not re.fullmatch(PATTERN, sent):
        raise Refused("bad_idempotency_key", 400)
    return sent.strip('"') if sent.startswith('"') else sent


def _fingerprint() -> str:
    asked = f"{request.method} {request.path}\n".encode() + request.get_data()
    return sha256(asked).hexdigest()


def _response(kept: StoredAnswer) -> Response:
    mimetype = problems.MIMETYPE if kept.status >= 400 else "application/json"
    return Response(kept.body, kept.status, mimetype=mimetype)
