"""The Flask application of the console. It is mounted at `/operator`, and imported by nothing but `late_console`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Flask, g, render_template, url_for
from flask_wtf.csrf import CSRFProtect
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from bot.messaging.rendering import language_names
from bot.runtime.keys import Purpose
from bot.web import order_problems, security_headers
from bot.web.formats import path, price
from bot.web.late_console import PREFIX, ConsoleResources
from bot.web.operator import (
    access,
    artisan_pages,
    broadcast_pages,
    desk,
    dialogue_pages,
    key_pages,
    kiosk_pages,
    log_in,
    log_pages,
    money_act_pages,
    money_pages,
    order_pages,
    product_pages,
    reconcile_pages,
    settings_pages,
    storefront_pages,
    today,
    typed,
    webhook_pages,
)
from marketplace_api import problems
from marketplace_api.actors import Actor
from marketplace_api.models import BuyerPayment, Order, Payout, Refund
from marketplace_api.refused import Refused
from marketplace_api.schemas.money import Money

FORM_COOKIE = "operator_form"
PAGES: Sequence[tuple[str, str]] = (
    ("today.page", "Today"),
    ("desk.page", "Desk"),
    ("orders.page", "Orders"),
    ("money.page", "Money"),
    ("artisans.page", "Artisans"),
    ("products.page", "Products"),
    ("kiosks.page", "Kiosks"),
    ("broadcasts.page", "Broadcasts"),
    ("dialogues.page", "Dialogues"),
    ("settings.page", "Settings"),
    ("log.page", "Log"),
)
"""The pages that the header of each page leads to, by endpoint and name."""


def create_console(resources: ConsoleResources) -> Flask:
    """The console over these resources."""
    settings = resources.settings
    app = Flask("bot.web.operator", root_path=str(Path(__file__).parent))
    app.extensions["console"] = resources
    app.config.update(
        SECRET_KEY=settings.keys.current(Purpose.OPERATOR_FORMS),
        SESSION_COOKIE_NAME=FORM_COOKIE,
        SESSION_COOKIE_PATH=PREFIX,
        SESSION_COOKIE_SECURE=settings.url.startswith("https:"),
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a form is good for as long as the cookie with which it was made
        WTF_CSRF_SSL_STRICT=False,  # our Referrer-Policy sends a referrer to our own pages, but a proxy may remove it
    )
    app.before_request(access.check_request)  # before the token of a form is checked
    CSRFProtect(app)
    for blueprint in (
        log_in.log_in,
        log_in.invitation,
        today.today,
        desk.desk,
        order_pages.orders,
        money_pages.money,
        artisan_pages.artisans,
        product_pages.products,
        kiosk_pages.kiosks,
        broadcast_pages.broadcasts,
        dialogue_pages.dialogues,
        settings_pages.settings,
        key_pages.keys,
        webhook_pages.webhooks,
        money_act_pages.acts,
        storefront_pages.storefronts,
        reconcile_pages.reconciling,
        log_pages.log,
    ):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _error_page)
    app.register_error_handler(Refused, _refusal_page)
    app.register_error_handler(typed.MistypedError, _mistyped_page)
    app.after_request(security_headers.add_to_pages)
    if settings.url.startswith("https:"):
        app.after_request(security_headers.require_https)
    zone = ZoneInfo(settings.timezone)
    languages = dict(language_names(settings.languages))
    app.jinja_env.filters.update(
        price=price,
        at=partial(_written, zone=zone),
        total=_total,
        amount=_amount,
        masked=_masked,
        capitalize_first=_capitalized,
        language=lambda code: languages.get(code, code),
        path=path,
    )
    app.jinja_env.globals.update(
        me=lambda: g.get("operator"), pages=PAGES, person=_person, reported=order_problems.KINDS
    )
    return app


def _written(at: datetime, zone: ZoneInfo) -> str:
    """A time as people read it, in the shop's time zone: `1 Dec 2026, 14:05`."""
    return f"{at.astimezone(zone):%-d %b %Y, %H:%M}"


def _total(order: Order) -> str:
    return price(Money(amount=order.total, currency=order.currency))


def _amount(moved: Payout | Refund | BuyerPayment) -> str:
    return price(Money(amount=moved.amount, currency=moved.currency))


def _masked(msisdn: str) -> str:
    """`+25471***103`: who knows the number recognises it."""
    return Actor.with_phone("phone", msisdn).name


def _capitalized(words: str) -> str:
    return words[:1].upper() + words[1:]


def _person(id: str, name: str) -> str | Markup:
    """The name of a person, as a link to their page where the operator may open it."""
    if not g.operator.may("desk.person"):
        return name
    return Markup('<a href="{}">{}</a>').format(url_for("desk.person", id=id), name)


def _error_page(error: HTTPException) -> tuple[str, int, dict[str, str]]:
    headers = {name: value for name, value in error.get_headers() if name == "Retry-After"}
    is_ours = error.description != type(error).description
    words = error.description if is_ours and error.code != HTTPStatus.BAD_REQUEST else WORDS.get(error.code or 500)
    return render_template("error.html", title=error.name, words=words or error.description), error.code or 500, headers


def _refusal_page(refused: Refused) -> tuple[str, int]:
    return render_template("error.html", title="Not done", words=problems.explain(refused)), refused.status


def _mistyped_page(mistyped: typed.MistypedError) -> tuple[str, int]:
    words = f"{mistyped} Go back to the form; nothing was changed."
    return render_template("error.html", title="Not done", words=words), HTTPStatus.UNPROCESSABLE_ENTITY


WORDS = {
    400: "This form is too old, or did not come from this page. Go back, load the page again, and send it again.",
    403: "Your role does not open this page. Ask an operator of role all.",
    413: "This file is too large: at most 1 MB. Export fewer days.",
    405: "This address takes a form only.",
}
"""The words of a page with one of these statuses, if the error itself has none."""
