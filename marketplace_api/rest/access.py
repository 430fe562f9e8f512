"""The caller of a request and the scopes of a view, and the shop in the transaction of the request."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Literal, ParamSpec, TypeVar

from apiflask.scaffold import APIScaffold
from flask import Response, current_app, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from marketplace_api.accounts import api_keys
from marketplace_api.accounts.api_keys import ApiCaller
from marketplace_api.actors import Actor
from marketplace_api.rest import errors
from marketplace_api.shop import Shop
from marketplace_api.statuses import Scope

SCHEME = "key"  # the name of the security scheme in the OpenAPI document
STATIC_KEYS = "STATIC_KEYS"  # digest to caller: keys that are in no table
RATE_LIMIT = "RATE_LIMIT"  # a `RateLimit`

ClientKind = Literal["key", "address", "wrong_key"]
RateLimit = Callable[[ClientKind, str], int | None]
"""Counts a request of this API key or address, or an address's wrong or missing key; returns None, or the seconds
until the next request is allowed."""

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, R]

_document = APIScaffold().doc


def shop() -> Shop:
    """The shop in the transaction of this request, which is committed when the view returns."""
    return g.shop  # type: ignore[no-any-return]


def caller() -> ApiCaller:
    """The caller; only for views with `requires`."""
    return g.caller  # type: ignore[no-any-return]


def sees_all(*scopes: Scope) -> bool:
    """True if the caller has a key with one of these scopes or `operator`, or if it reads with a key of scope `read`.

    False for a storefront: it sees what is its own.
    """
    return g.caller is not None and _may(g.caller, scopes)


def requires(*scopes: Scope, refusals: tuple[int, ...] = ()) -> Callable[[View[P, R]], View[P, R]]:
    """Only keys with one of these scopes may call the view, and those with scope `operator`.

    A key with scope `read` may call every view by GET. `refusals` are the HTTP statuses with which the shop may refuse.
    """

    def decorate(view: View[P, R]) -> View[P, R]:
        @_document(security=[{SCHEME: [*scopes]}], responses=list(refusals))
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.caller = _caller()
            if g.caller is None:
                raise _unauthorized()
            if not _may(g.caller, scopes):
                raise Forbidden
            g.shop = shop().acting(Actor("key", g.caller.name))
            return view(*args, **kwargs)

        return guarded

    return decorate


def _may(caller: ApiCaller, scopes: tuple[Scope, ...]) -> bool:
    return caller.may(*scopes, "read") if request.method in ("GET", "HEAD") else caller.may(*scopes)


def public(view: View[P, R]) -> View[P, R]:
    """The view needs no key. If a key is sent, it must be valid."""

    @_document(security=[{}, {SCHEME: []}])
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        g.caller = _caller()
        if g.caller is None:
            _check_rate("address", request.remote_addr or "")
        return view(*args, **kwargs)

    return guarded


def _caller() -> ApiCaller | None:
    """The caller whose key was sent; None if no key was sent."""
    if "Authorization" not in request.headers:
        return None
    sent = request.authorization
    if sent is None or sent.type != "bearer" or not sent.token:
        raise _unauthorized()
    return _with_static_key(sent.token) or _with_stored_key(sent.token)


def _with_stored_key(key: str) -> ApiCaller:
    found = api_keys.find(shop().session, key, shop().now)
    if found is None:
        raise _unauthorized()
    _check_rate("key", found.id)
    return found


def limit_wrong_keys(response: Response) -> Response:
    """Count an answer 401, and answer 429 if there were too many from the address. Use it as `after_request`.

    So a key is counted after the transaction of its request. A right key is answered from that address too.
    """
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        try:
            _check_rate("wrong_key", request.remote_addr or "")
        except TooManyRequests as refused:
            return errors.http_problem(refused)
    return response


def _check_rate(kind: ClientKind, name: str) -> None:
    limit: RateLimit = current_app.config[RATE_LIMIT]
    seconds = limit(kind, name)
    if seconds is not None:
        raise TooManyRequests(retry_after=seconds)


def _with_static_key(key: str) -> ApiCaller | None:
    """The caller of a key from the settings; such keys have no rate limit."""
    callers: dict[str, ApiCaller] = current_app.config[STATIC_KEYS]
    return callers.get(api_keys.digest(key))


def _unauthorized() -> Unauthorized:
    return Unauthorized(www_authenticate=WWWAuthenticate("bearer"))
