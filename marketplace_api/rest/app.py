"""The Flask application of the API: one transaction per request, problems for errors, an OpenAPI document.

    api = create_api(sessions=…, clock=…, ids=…, terms=…, static_keys={})
    DispatcherMiddleware(app, {"/api/v1": api})

Further blueprints may be registered on it. Their views use `access.shop()` and `access.caller()`, are guarded by
`access.requires` or `access.public`, and answer lists with `lists.newest_first` or `lists.as_page`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from apiflask import APIFlask
from flask import g, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from pydantic import TypeAdapter
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.routing import BaseConverter, ValidationError

from marketplace_api.accounts import api_keys
from marketplace_api.accounts.api_keys import ApiCaller
from marketplace_api.actors import Actor
from marketplace_api.fields import terms_apply
from marketplace_api.rest import (
    access,
    buyer_payments,
    catalogue,
    docs,
    errors,
    events,
    help_requests,
    kiosks,
    ledger,
    openapi,
    orders,
    payouts,
    storefronts,
    webhook_endpoints,
)
from marketplace_api.rest.key_usage import KeyUsage
from marketplace_api.rest.late_rules import LateRule
from marketplace_api.shop import Ids, Shop, Terms

NO_KEY = Actor("key", "none")
"""Who acts until `access.requires` has read the key; without a key one can only read."""

_ANY = TypeAdapter[Any](Any)
_READS = ("GET", "HEAD", "OPTIONS")
_CONFIG = {
    "MAX_CONTENT_LENGTH": 64 * 1024,
    "SERVERS": [{"url": "/api/v1"}],
    "DESCRIPTION": "The marketplace: catalogue, orders, payments, kiosks, payouts and events. Money is in minor units.",
    "SECURITY_SCHEMES": openapi.SECURITY_SCHEMES,
    "AUTO_OPERATION_ID": True,  # links refer to operations by this id
    # `openapi.complete` adds all errors
    "AUTO_404_RESPONSE": False,
    "AUTO_AUTH_ERROR_RESPONSE": False,
    "AUTO_VALIDATION_ERROR_RESPONSE": False,
}


class StrictJSON(DefaultJSONProvider):
    """Strict JSON bodies: half a surrogate pair and a thousand nested brackets are errors, not crashes."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The value of the body; `null` is also an error, because APIFlask would read it as an empty object."""
        value = _ANY.validate_json(s)
        if value is None:
            raise ValueError("the body is null")
        return value


class IdConverter(BaseConverter):
    """`<id:order_id>`: a path without a possible id is answered 404 without a database query."""

    regex = "[a-z]{3}_[0-9a-z]{1,40}"


class DayConverter(BaseConverter):
    """`<day:date>`: a day from the year 2000 on, such as 2027-03-31."""

    regex = r"2[0-9]{3}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError from None


class MarketplaceApi(APIFlask):
    """Runs each view in a transaction, which is committed when the view returns and rolled back when it raises."""

    json_provider_class = StrictJSON
    url_rule_class = LateRule

    def __init__(self, sessions: sessionmaker[Session], open_shop: Callable[[Session], Shop]) -> None:
        super().__init__(
            "marketplace_api",
            title="Soko",
            version="1",
            docs_path=None,
            static_folder=None,  # type: ignore[arg-type]
            json_errors=False,
        )
        self._sessions = sessions
        self._open_shop = open_shop
        self._writers: Engine = sessions.kw["bind"]
        self._readers = self._writers.execution_options(read_only=True)

    def dispatch_request(self) -> ResponseReturnValue:
        """Answer the request in a transaction."""
        bind = self._readers if request.method in _READS else self._writers
        with self._sessions(bind=bind) as session, session.begin():
            g.shop = self._open_shop(session)
            with terms_apply(g.shop.terms):
                return super().dispatch_request()


def create_api(
    *,
    sessions: sessionmaker[Session],
    clock: Callable[[], datetime],
    ids: Ids,
    terms: Terms,
    static_keys: Mapping[str, ApiCaller],
    webhooks_anywhere: bool = False,
    admit: access.RateLimit = lambda _asker, _name: None,
) -> MarketplaceApi:
    """The API over the database that `sessions` is bound to.

    `static_keys` are valid without being in a table. With `webhooks_anywhere` webhook endpoints may be plain http and
    private addresses. `admit` is the rate limit of all other keys, of addresses without a key, and of wrong keys.
    """
    api = MarketplaceApi(sessions, lambda session: Shop(session, clock(), ids, terms, NO_KEY))
    api.config.update(_CONFIG)
    api.config[access.STATIC_KEYS] = {api_keys.digest(key): caller for key, caller in static_keys.items()}
    api.config[webhook_endpoints.WEBHOOKS_ANYWHERE] = webhooks_anywhere
    api.config[access.RATE_LIMIT] = admit
    api.url_map.merge_slashes = False  # an unknown path is 404, never a redirect
    api.url_map.converters["id"] = IdConverter
    api.url_map.converters["day"] = DayConverter
    api.before_request(_only_json)
    api.after_request(access.limit_wrong_keys)
    api.after_request(KeyUsage(sessions, clock).after_request)
    api.spec_processor(openapi.complete)  # type: ignore[arg-type]
    errors.register(api)
    for module in (
        *(catalogue, orders, buyer_payments, storefronts, kiosks, payouts, ledger),
        *(help_requests, events, webhook_endpoints, docs),
    ):
        api.register_blueprint(module.blueprint)
    return api


def _only_json() -> None:
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    if request.routing_exception is None and has_body and not request.is_json:
        raise UnsupportedMediaType
