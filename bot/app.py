"""The Flask application: webhooks, the API, pages and, in development, the simulator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from flask import Flask, Response, jsonify
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from bot.db.unit_of_work import Database
from bot.marketplace import http_api
from bot.providers import registry
from bot.providers.declaration import Handlers
from bot.runtime import logs
from bot.runtime.request_ids import RequestIds
from bot.runtime.settings import Settings
from bot.services import Services, build
from bot.simulator import providers
from bot.web import metrics, photo_page, shop_client, shop_pages
from bot.web.messages_api import blueprint as messages
from bot.web.rate_limits import RateLimits
from marketplace_api.accounts.api_keys import ApiCaller
from marketplace_api.rest import openapi
from marketplace_api.rest.app import create_api

LARGEST_REQUEST = 1024 * 1024
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


def create_app(
    settings: Settings | None = None, services: Services | None = None, carrier_faults: list[int] | None = None
) -> Flask:
    """The WSGI application: webhooks, the API under `/api/v1`, pages, and in development the simulator."""
    services = services or build(settings or registry.load_settings())
    settings = services.settings
    logs.configure(as_json=not settings.development)
    app = Flask("bot", root_path=str(Path(__file__).parent / "web"))
    app.extensions["services"] = services
    app.url_map.merge_slashes = False  # a callback is never redirected
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    api = create_api(
        sessions=services.database.writing,
        clock=services.clock,
        ids=services.ids,
        terms=services.terms,
        static_keys=_house_keys(settings),
        webhooks_anywhere=settings.development,
        admit=RateLimits(settings).admit,
    )
    api.register_blueprint(messages)
    api.register_blueprint(http_api.blueprint)
    api.config[http_api.PHOTO_LINK] = services.photo_links.link
    api.spec_processor(http_api.add_schemas(openapi.complete))  # type: ignore[arg-type]
    api.after_request(_secure)
    own = shop_client.Storefront(api, settings.secret_key, services.shop, services.database)
    handlers = Handlers(messages=services.conversation, payments=services.payout_callbacks)
    for callbacks in registry.blueprints(settings, handlers):
        app.register_blueprint(callbacks)
    app.register_blueprint(
        shop_pages.routes(
            catalogue=own.catalogue,
            product=own.product,
            place_order=own.place_order,
            new_key=partial(services.ids.token, 32),
            country=settings.country,
        )
    )
    app.register_blueprint(
        photo_page.routes(
            services.photo_store, services.photo_links, services.clock, settings.languages, settings.sms_short_code
        )
    )
    app.register_blueprint(metrics.routes(services.database, services.shop, services.notification_consumer.name))
    if settings.development:
        providers.install(app, services, own.place_order, [] if carrier_faults is None else carrier_faults)
    app.add_url_rule("/healthz", "healthz", lambda: jsonify(status="alive"))
    app.add_url_rule("/readyz", "readyz", partial(_ready, services))
    app.after_request(_secure)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/api/v1": api})  # type: ignore[method-assign]
    app.wsgi_app = registry.with_fast_paths(app.wsgi_app, settings, handlers)  # type: ignore[assignment, method-assign]
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.wsgi_app = RequestIds(app.wsgi_app, partial(_request_id, services))  # type: ignore[method-assign]
    return app


def _house_keys(settings: Settings) -> dict[str, ApiCaller]:
    keys = {shop_client.key(settings.secret_key): ApiCaller(shop_client.NAME, "storefront")}
    if settings.operator_key:
        keys[settings.operator_key] = ApiCaller("bootstrap", "operator")
    return keys


def _request_id(services: Services) -> str:
    return f"{services.ids.random.getrandbits(64):016x}"


def _secure(response: Response) -> Response:
    """Pages say what a browser may do with them; a webhook's answer is read by no browser and stays lean."""
    if (response.content_type or "").startswith("text/html"):
        response.headers.update(SECURITY_HEADERS)
    return response


def _ready(services: Services) -> tuple[Response, int]:
    """Whether the database and the session store answer."""
    checks: dict[str, Callable[[], object]] = {
        "database": partial(_ask, services.database),
        "sessions": services.sessions.ping,
    }
    states = {name: _answers(check) for name, check in checks.items()}
    return jsonify(states), 200 if all(state == "ok" for state in states.values()) else 503


def _ask(database: Database) -> None:
    with database.reading() as session:
        session.connection().exec_driver_sql("SELECT 1")


def _answers(check: Callable[[], object]) -> str:
    try:
        check()
    except Exception as error:
        return type(error).__name__
    return "ok"
