"""The Flask application: webhooks, the API, pages and, in development, the simulator."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - Werkzeug would import it for the first request
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from wsgiref.types import WSGIApplication

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from bot.conversation import heard, last_screens
from bot.conversation.forms import Forms
from bot.conversation.hop_counts import HopCounts
from bot.marketplace import http_api
from bot.photos.uploads import Uploads
from bot.providers import registry
from bot.providers.declaration import Handlers
from bot.runtime import logs
from bot.runtime.keys import Purpose
from bot.runtime.request_ids import RequestIds
from bot.runtime.settings import Settings
from bot.services import Services, build
from bot.web import (
    artisans_api,
    discovery,
    error_pages,
    health,
    how_page,
    messages_api,
    metrics,
    order_page,
    photo_page,
    privacy_page,
    security_headers,
    shop_pages,
)
from bot.web.artisan import log_in
from bot.web.artisan import pages as me_pages
from bot.web.artisan.access import MeResources
from bot.web.buyer_orders import BuyerOrders
from bot.web.compression import Compression
from bot.web.door import Door
from bot.web.draining import ClosedConnections, Draining
from bot.web.late_console import PREFIX as CONSOLE
from bot.web.late_console import ConsoleResources, LateConsole
from bot.web.no_store import NoStore
from bot.web.order_forms import OrderForms
from bot.web.order_links import OrderLinks
from bot.web.request_limits import Limits, RequestLimits, ThreadShare
from bot.web.shop_pages import Times
from bot.web.shop_window import ShopWindow
from marketplace_api.accounts.api_keys import ApiCaller
from marketplace_api.actors import Actor
from marketplace_api.models import SHOP_WINDOW
from marketplace_api.orders.orders import OFFER_STANDS
from marketplace_api.rest import openapi
from marketplace_api.rest.app import MarketplaceApi, create_api
from marketplace_api.rest.late_rules import LateRule

BOOTSTRAP = ApiCaller("bootstrap", frozenset({"operator"}), "bootstrap")
"""The caller whose key is in the settings."""
LARGEST_REQUEST, LARGEST_FORM = 1024 * 1024, 64 * 1024
"""In bytes: of any request but an upload, and of a form or a request to the API."""
LARGEST_EVENT = 256 * 1024
"""In bytes: of an event of Stripe's, which may hold all that was written about a dispute."""


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """The WSGI application over `services`, which are built from `settings`, or from the environment, if not given."""
    services = services or build(settings or registry.load_settings())
    settings = services.settings
    logs.configure(as_json=not settings.development, secrets=settings.secrets)
    heard.log.setLevel(logging.DEBUG if settings.log_dialogues else logging.NOTSET)
    app = Flask("bot", root_path=str(Path(__file__).parent / "web"))
    app.url_rule_class = LateRule
    app.extensions["services"] = services
    app.extensions["draining"] = draining = Draining()
    app.url_map.merge_slashes = False  # providers do not follow redirects
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.after_request(security_headers.add_to_pages)
    if settings.url.startswith("https:"):
        app.after_request(security_headers.require_https)
    door = Door(settings, services.database, services.clock)
    app.before_request(door.limit_pages)
    app.after_request(door.count_refusals)

    handlers = Handlers(
        messages=services.conversation,
        payments=services.payer_callbacks,
        collections=services.collector_callbacks,
    )
    for callbacks in registry.blueprints(settings, handlers):
        app.register_blueprint(callbacks)
    _register_shop(app, services, door)
    _register_pages(app, services, door, draining)
    if settings.development:
        from bot.simulator import providers as simulated_providers  # production does not even import it

        simulated_providers.install(app, services)
    _add_middleware(app, services, handlers, door, draining)
    return app


def _register_shop(app: Flask, services: Services, door: Door) -> None:
    """The pages on which people buy."""
    settings, database, terms = services.settings, services.database, services.terms
    opener = services.opener(Actor("key", SHOP_WINDOW))
    links = OrderLinks(settings.url, settings.keys.accepted(Purpose.ORDER_LINKS))
    forms = OrderForms(settings.keys.accepted(Purpose.ORDER_FORMS), settings.url)
    window = ShopWindow(
        database, services.reads, opener, door, terms, settings.texted_countries, settings.country, links.link
    )
    app.register_blueprint(
        shop_pages.routes(
            browse=window.browse,
            maker=window.maker,
            kiosk=window.kiosk,
            offer=window.offer,
            place_order=window.place_order,
            order_of_form=window.order_of_form,
            link=links.link,
            forms=forms,
            door=door,
            clock=services.clock,
            new_key=partial(services.ids.token, 32),
            country=settings.country,
            phone_country=window.phone_country,
            times=Times(OFFER_STANDS // timedelta(hours=1), settings.bring_days, settings.ship_days),
            languages=settings.languages,
            currency=settings.currency,
        )
    )
    app.register_blueprint(discovery.routes(services.reads, settings.url))
    error_pages.add(app, settings.languages)
    orders = BuyerOrders(database, opener, door, terms)
    app.register_blueprint(
        order_page.routes(orders, links, forms, door, services.clock, settings.sms_short_code, settings.languages)
    )


def _register_pages(app: Flask, services: Services, door: Door, draining: Draining) -> None:
    settings, runner = services.settings, services.conversation.runner
    uploads = Uploads(services.photo_store)
    app.register_blueprint(
        photo_page.routes(uploads, services.photo_links, services.clock, settings.languages, settings.sms_short_code)
    )
    if services.marketplace.is_local:  # a remote marketplace has pages for its artisans itself
        _register_me(app, services, door, uploads)
    app.register_blueprint(
        privacy_page.routes(
            settings.languages, settings.sms_short_code, settings.keep_texts_days, settings.keep_addresses_days
        )
    )
    app.register_blueprint(how_page.routes(runner.engine, runner.place, settings.commission_percent))
    app.register_blueprint(
        metrics.routes(
            services.database,
            services.opener(Actor("job", "metrics")),
            services.notification_consumer.name,
            settings.strangers_cap,
            partial(_write_counts, door, runner.counts),
            is_open=settings.development,
            token=settings.metrics_token,
        )
    )
    app.register_blueprint(
        health.routes(services.database, services.sessions, services.engine.url, Path(settings.photos_dir), draining)
    )


def _write_counts(door: Door, hops: HopCounts) -> None:
    door.flush()
    hops.write()


def _register_me(app: Flask, services: Services, door: Door, uploads: Uploads) -> None:
    """The pages of artisans who have a smartphone."""
    settings, runner = services.settings, services.conversation.runner
    me = MeResources(
        database=services.database,
        open_shop=services.shop,
        marketplace=services.marketplace,
        clock=services.clock,
        ids=services.ids,
        door=door,
        forms=OrderForms(settings.keys.accepted(Purpose.ORDER_FORMS), settings.url),
        send=Forms(runner, services.conversation.resources).send,
        uploads=uploads,
        photo_link=services.photo_links.link,
        seal=services.seal,
        place=runner.place,
    )
    for pages in (log_in.routes(me), me_pages.routes(me)):
        app.register_blueprint(pages)
    app.jinja_env.globals["has_pages_for_artisans"] = True  # the shop's pages lead there


def _add_middleware(app: Flask, services: Services, handlers: Handlers, door: Door, draining: Draining) -> None:
    """Mount the API and the console, and wrap the application in the middleware that handles a request before Flask."""
    settings = services.settings
    mounted: dict[str, WSGIApplication] = {"/api/v1": _marketplace_api(services, door)}
    if services.marketplace.is_local:  # a remote marketplace has a console of its own
        mounted[CONSOLE] = app.extensions["console"] = _console(services, door)
    wsgi_app: WSGIApplication = DispatcherMiddleware(app.wsgi_app, mounted)
    wsgi_app = registry.with_fast_paths(wsgi_app, settings, handlers)
    wsgi_app = RequestLimits(wsgi_app, *limits(settings))
    if settings.development:
        from bot.simulator import providers as simulated_providers

        wsgi_app = simulated_providers.with_outside_requests(app, wsgi_app)
    if hops := settings.trusted_proxies:
        wsgi_app = ProxyFix(wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    wsgi_app = RequestIds(NoStore(Compression(wsgi_app)), prefix=f"{services.ids.random.getrandbits(32):08x}")
    app.wsgi_app = ClosedConnections(wsgi_app, draining)  # type: ignore[method-assign]


def limits(settings: Settings) -> tuple[Mapping[str, Limits], Mapping[str, Limits]]:
    """The limits of requests by their whole path, or the path above it, and by the beginning of their path."""
    # the contract allows a hop 4 s, and Twilio allows a callback 15 s
    hops = ThreadShare(threads=16, wait_s=2.0, budget_s=3.0, is_always_answered=True)
    callbacks = ThreadShare(threads=16, wait_s=10.0, budget_s=14.0)
    api = ThreadShare(threads=8, wait_s=10.0, budget_s=30.0)
    pages = ThreadShare(threads=8, wait_s=10.0, budget_s=10.0)
    console = ThreadShare(threads=4, places=40, wait_s=10.0, budget_s=20.0)
    exact = {path: Limits(callbacks, is_trusted=True) for path in registry.secret_paths(settings)}
    exact |= {path: Limits(hops, is_trusted=True) for path in registry.hop_paths(settings)}
    exact |= {"/healthz": Limits(None), "/readyz": Limits(ThreadShare(threads=16, places=32, wait_s=0.4, budget_s=2.4))}
    return exact, {
        "/webhooks/stripe": Limits(callbacks, LARGEST_EVENT),
        "/webhooks/": Limits(callbacks),
        "/p/": Limits(pages, photo_page.LARGEST_REQUEST, answers_itself=True),
        me_pages.NEW: Limits(pages, photo_page.LARGEST_REQUEST, answers_itself=True),
        "/simulator": Limits(pages, LARGEST_REQUEST),
        "/api/v1": Limits(api, LARGEST_FORM, answers_itself=True),
        f"{CONSOLE}/money/reconcile": Limits(console, LARGEST_REQUEST, answers_itself=True),
        CONSOLE: Limits(console, LARGEST_FORM),
        "": Limits(pages, LARGEST_FORM),
    }


def _marketplace_api(services: Services, door: Door) -> MarketplaceApi:
    """The marketplace API, with the endpoints of the bot added to it."""
    settings = services.settings
    api = create_api(
        sessions=services.database.writing,
        clock=services.clock,
        ids=services.ids,
        terms=services.terms,
        static_keys={settings.operator_key: BOOTSTRAP} if settings.operator_key else {},
        webhooks_anywhere=settings.development,
        admit=door.admit,
    )
    api.register_blueprint(artisans_api.blueprint)
    api.register_blueprint(messages_api.blueprint)
    api.register_blueprint(http_api.blueprint)
    api.config[http_api.PHOTO_LINK] = services.photo_links.link
    api.spec_processor(http_api.add_schemas(openapi.complete))  # type: ignore[arg-type]
    api.after_request(security_headers.add_to_pages)
    if settings.url.startswith("https:"):
        api.after_request(security_headers.require_https)
    return api


def _console(services: Services, door: Door) -> LateConsole:
    def screens(msisdn: str) -> tuple[Sequence[str], datetime | None]:
        last = last_screens.of_document(services.sessions.load(msisdn, services.clock().timestamp()))
        return last.screens, last.at

    return LateConsole(
        ConsoleResources(
            settings=services.settings,
            database=services.database,
            open_shop=services.shop,
            clock=services.clock,
            door=door,
            screens=screens,
            photo_link=services.photo_links.link,
        )
    )
