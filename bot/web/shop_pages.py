"""The shop's pages: what is on sale, a page for each product, and an order form that needs no JavaScript.

    GET  /                     the newest products
    GET  /products/<code>      one product, and the order form
    POST /products/<code>      places the order; 201, or the form again with the errors; 403 for a form that is not ours

Form fields are named after the place of their value in the body of `POST /api/v1/orders` (`ship_to.city`). The
marketplace's errors point into that body, so each can be shown at its field.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import phonenumbers
from babel import Locale
from babel.numbers import format_currency, get_currency_precision
from flask import Blueprint, render_template, request
from pydantic import BaseModel

from bot.runtime.clock import Clock
from bot.web.door import Door, Stranger
from bot.web.order_forms import InvalidFormError, OrderForms
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.problems import Problem
from marketplace_api.schemas.money import Money
from marketplace_api.schemas.products import Product

FIELDS = (
    "quantity",
    "buyer.name",
    "buyer.phone",
    "ship_to.line1",
    "ship_to.line2",
    "ship_to.city",
    "ship_to.region",
    "ship_to.postal_code",
    "ship_to.country",
    "note",
)
NOT_OUR_FORM = "This form did not come from this page, or the page is too old. Please check it and send it again."
_DRAWN_CATEGORIES = {drawing.stem for drawing in (Path(__file__).parent / "static" / "wares").glob("*.svg")}
_NAMES = Locale("en").territories
COUNTRIES = sorted(((code, _NAMES[code]) for code in phonenumbers.SUPPORTED_REGIONS), key=lambda country: country[1])


class PlacedOrder(BaseModel):
    """The fields of a placed order that the page shows."""

    code: str
    quantity: int
    total: Money


def routes(
    *,
    catalogue: Callable[[], Sequence[Product]],
    product: Callable[[str], Product | None],
    place_order: Callable[[Mapping[str, object], str, str], StoredAnswer],
    forms: OrderForms,
    door: Door,
    clock: Clock,
    new_key: Callable[[], str],
    country: str,
    short_code: str,
) -> Blueprint:
    """`/` and `/products/<code>`. The functions are those of `ShopWindow`; `country` is selected in an empty form.

    `short_code` is the number to which a buyer texts the order's code.
    """
    shop = Blueprint("shop", __name__)
    shop.add_app_template_filter(price)
    shop.add_app_template_filter(drawn)
    shop.add_app_template_filter(path)

    @shop.get("/")
    def window() -> str:
        return render_template("shop/window.html", products=catalogue())

    @shop.get("/products/<code>", endpoint="product")
    def page(code: str) -> tuple[str, int]:
        shown = product(code)
        return _form(shown, {"quantity": "1", "ship_to.country": country}) if shown else _not_on_sale()

    @shop.post("/products/<code>")
    def order(code: str) -> tuple[str, int]:
        ordered = product(code)
        if ordered is None:
            return _not_on_sale()
        address = request.remote_addr or ""
        try:
            key = _key_of_form(ordered.code)
        except InvalidFormError:
            door.count("wrong_form", Stranger(address))
            return _form(ordered, request.form, Problem.of(403, NOT_OUR_FORM))
        answer = place_order(order_body(ordered.id, request.form, ordered.price.currency), key, address)
        if answer.status == 201:
            placed = PlacedOrder.model_validate_json(answer.body)
            page = render_template("shop/placed.html", order=placed, product=ordered, short_code=short_code)
            return page, answer.status
        # read again: perhaps the price has changed, and the form shows the one that is checked next
        return _form(product(code) or ordered, request.form, Problem.model_validate_json(answer.body))

    def _key_of_form(code: str) -> str:
        """The key of the form that was sent; raises InvalidFormError if it is not one of our pages'."""
        if not forms.is_ours(request.headers.get("Origin"), request.host):
            raise InvalidFormError
        return forms.key(request.form.get("token", ""), code, clock())

    def _form(shown: Product, typed: Mapping[str, str], problem: Problem | None = None) -> tuple[str, int]:
        html = render_template(
            "shop/product.html",
            product=shown,
            typed=defaultdict(str, typed),
            refused=problem and problem.detail,
            shown_price=_shown_price(shown, typed) if problem and problem.reason == "price_changed" else None,
            refusals=refusals_by_field(problem),
            # each form has its own key, so pressing the button twice places one order
            token=forms.token(shown.code, new_key(), clock()),
            countries=COUNTRIES,
        )
        return html, problem.status if problem else 200

    return shop


def _shown_price(product: Product, form: Mapping[str, str]) -> Money:
    """The price that the buyer was shown."""
    return Money(amount=int(form["price"]), currency=product.price.currency)


def _not_on_sale() -> tuple[str, int]:
    return render_template("shop/missing.html"), 404


def order_body(product_id: str, form: Mapping[str, str], currency: str) -> Mapping[str, object]:
    """The body of `POST /orders` for a form that was filled in; empty fields are left out.

    A form carries the price that it shows, so that nothing is ordered at another price.

    >>> order_body("prd_1", {"quantity": "2", "buyer.name": "Joy", "note": ""}, "KES")["buyer"]
    {'locale': 'en', 'name': 'Joy'}
    """
    buyer: dict[str, object] = {"locale": "en"}
    ship_to: dict[str, object] = {}
    body: dict[str, object] = {"product_id": product_id, "buyer": buyer, "ship_to": ship_to}
    parts = {"": body, "buyer": buyer, "ship_to": ship_to}
    for name in FIELDS:
        part, _, last = name.rpartition(".")
        if typed := form.get(name, "").strip():
            parts[part][last] = _whole_number(typed) if name == "quantity" else typed
    ship_to["name"] = buyer.get("name")
    if isinstance(quantity := body.get("quantity"), int) and re.fullmatch(r"\d{1,12}", price := form.get("price", "")):
        body["expected_total"] = {"amount": int(price) * quantity, "currency": currency}
    return body


def _whole_number(typed: str) -> int | str:
    return int(typed) if re.fullmatch(r"\d{1,9}", typed) else typed


def refusals_by_field(problem: Problem | None) -> Mapping[str, str]:
    """The error messages by form field: `#/ship_to/city` is the field `ship_to.city`."""
    errors = problem.errors if problem and problem.errors else ()
    return {error.pointer.removeprefix("#/").replace("/", "."): error.detail for error in errors}


def price(money: Money) -> str:
    """150000 minor units of KES as `KES 1,500`; decimals are shown only if they are not zero."""
    currency = money.currency
    value = Decimal(money.amount).scaleb(-get_currency_precision(currency))
    return format_currency(value, currency, "¤¤\xa0#,##0", locale="en", currency_digits=value % 1 != 0)


def path(url: str) -> str:
    """The path of a URL of ours, so that a page loads its pictures from the host name under which it was opened."""
    return urlsplit(url).path


def drawn(category: str) -> str:
    """The category if there is a drawing for it, else `other`."""
    return category if category in _DRAWN_CATEGORIES else "other"
