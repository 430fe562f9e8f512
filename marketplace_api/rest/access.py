"""Who asks, what they may do, and the shop they ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec, TypeVar

from apiflask.scaffold import APIScaffold
from flask import current_app, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from marketplace_api.accounts import api_keys
from marketplace_api.accounts.api_keys import ApiCaller
from marketplace_api.shop import Shop
from marketplace_api.statuses import Scope

SCHEME = "key"  # the name of the security scheme in the OpenAPI document
STATIC_KEYS = "HOUSE_KEYS"  # digest to caller: keys that stand in no table
RATE_LIMIT = "ADMIT"  # an `Admit`

ClientKind = Literal["key", "address"]
RateLimit = Callable[[ClientKind, str], int | None]
"""Counts a request of this key or address, and says None, or in how many seconds it may ask again."""

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, R]

_document = APIScaffold().doc


def shop() -> Shop:
    """The shop, in the transaction of this request; it is committed when the view returns."""
    return g.shop  # type: ignore[no-any-return]


def caller() -> ApiCaller:
    """Who asks; only behind `requires`."""
    return g.caller  # type: ignore[no-any-return]


def is_operator() -> bool:
    """Whether an operator asks."""
    return g.caller is not None and g.caller.scope == "operator"


def requires(*scopes: Scope, refusals: tuple[int, ...] = ()) -> Callable[[View[P, R]], View[P, R]]:
    """Let in only keys of these scopes. `refusals` are the statuses with which the shop may say no."""

    def decorate(view: View[P, R]) -> View[P, R]:
        @_document(security=[{SCHEME: list(scopes)}], responses=list(refusals))
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.caller = _holder()
            if g.caller is None:
                raise _unauthorized()
            if g.caller.scope not in scopes:
                raise Forbidden
            return view(*args, **kwargs)

        return guarded

    return decorate


def public(view: View[P, R]) -> View[P, R]:
    """Let anybody in. A key may be sent, and must then be a good one."""

    @_document(security=[{}, {SCHEME: []}])
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        g.caller = _holder()
        if g.caller is None:
            _count("address", request.remote_addr or "")
        return view(*args, **kwargs)

    return guarded


def _holder() -> ApiCaller | None:
    """Who holds the key that was sent; None when none was."""
    if "Authorization" not in request.headers:
        return None
    sent = request.authorization
    if sent is None or sent.type != "bearer" or not sent.token:
        raise _unauthorized()
    return _of_the_house(sent.token) or _of_somebody(sent.token)


def _of_somebody(key: str) -> ApiCaller:
    found = api_keys.find(shop().session, key, shop().now)
    if found is None:
        raise _unauthorized()
    _count("key", found.id)
    return found


def _count(asker: ClientKind, name: str) -> None:
    admit: RateLimit = current_app.config[RATE_LIMIT]
    seconds = admit(asker, name)
    if seconds is not None:
        raise TooManyRequests(retry_after=seconds)


def _of_the_house(key: str) -> ApiCaller | None:
    """Our own pages and the operator's first key, which nobody counts."""
    callers: dict[str, ApiCaller] = current_app.config[STATIC_KEYS]
    return callers.get(api_keys.digest(key))


def _unauthorized() -> Unauthorized:
    return Unauthorized(www_authenticate=WWWAuthenticate("bearer"))
