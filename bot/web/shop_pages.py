"""The shop window: what is on sale, each ware's own page, and an order form that needs no JavaScript.

Form fields are named after where their value stands in the body of `POST /api/v1/orders`
(`ship_to.city`), so the API's refusals, which point into that body, find their field again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from babel import Locale
from babel.numbers import format_currency, get_currency_precision
from flask import Blueprint, render_template, request

Resource = dict[str, Any]
PlaceOrder = Callable[[Resource, str], tuple[int, Resource]]
"""Gives the API a body and an idempotency key; returns the answer's status and JSON."""

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
_KEY = r"[A-Za-z0-9_-]{1,64}"  # it becomes a header, so nothing else may stand in it
_DRAWN = {drawing.stem for drawing in (Path(__file__).parent / "static" / "wares").glob("*.svg")}
_NAMES = Locale("en").territories
COUNTRIES = sorted(((code, _NAMES[code]) for code in phonenumbers.SUPPORTED_REGIONS), key=lambda country: country[1])


def routes(
    *,
    catalogue: Callable[[], list[Resource]],
    product: Callable[[str], Resource | None],
    place_order: PlaceOrder,
    new_key: Callable[[], str],
    country: str,
) -> Blueprint:
    """`/` and `/products/<code>`; products and orders are in the API's own shape."""
    shop = Blueprint("shop", __name__)
    shop.add_app_template_filter(price)
    shop.add_app_template_filter(drawn)
    shop.add_app_template_filter(path)

    @shop.get("/")
    def window() -> str:
        return render_template("shop/window.html", products=catalogue())

    @shop.get("/products/<code>", endpoint="product")
    def page(code: str) -> tuple[str, int]:
        ware = product(code)
        return _form(ware, {"quantity": "1", "ship_to.country": country}) if ware else _missing()

    @shop.post("/products/<code>")
    def order(code: str) -> tuple[str, int]:
        ware = product(code)
        if ware is None:
            return _missing()
        key = request.form.get("attempt", "")
        body = order_body(ware["id"], request.form)
        status, answer = place_order(body, key if re.fullmatch(_KEY, key) else new_key())
        if status == 201:
            return render_template("shop/placed.html", order=answer, product=ware), status
        return _form(ware, request.form, answer, status)

    def _form(
        ware: Resource, typed: Mapping[str, str], problem: Resource | None = None, status: int = 200
    ) -> tuple[str, int]:
        html = render_template(
            "shop/product.html",
            product=ware,
            typed=defaultdict(str, typed),
            refused=problem and problem.get("detail", "This order was refused."),
            refusals=refusals_by_field(problem or {}),
            # A key of its own for every form shown: pressing the button twice places one order.
            attempt=new_key(),
            countries=COUNTRIES,
        )
        return html, status

    return shop


def _missing() -> tuple[str, int]:
    return render_template("shop/missing.html"), 404


def order_body(product_id: str, form: Mapping[str, str]) -> Resource:
    """The body of `POST /orders` that a filled-in form stands for; empty fields are left out.

    >>> order_body("prd_1", {"quantity": "2", "buyer.name": "Joy", "note": ""})["buyer"]
    {'locale': 'en', 'name': 'Joy'}
    """
    body: Resource = {"product_id": product_id, "buyer": {"locale": "en"}, "ship_to": {}}
    parts = {"": body, "buyer": body["buyer"], "ship_to": body["ship_to"]}
    for name in FIELDS:
        part, _, last = name.rpartition(".")
        if typed := form.get(name, "").strip():
            parts[part][last] = _whole_number(typed) if name == "quantity" else typed
    body["ship_to"]["name"] = body["buyer"].get("name")
    return body


def _whole_number(typed: str) -> int | str:
    return int(typed) if re.fullmatch(r"\d{1,9}", typed) else typed


def refusals_by_field(problem: Resource) -> dict[str, str]:
    """What the API found wrong, by form field: `#/ship_to/city` is the field `ship_to.city`."""
    return {
        error["pointer"].removeprefix("#/").replace("/", "."): error["detail"] for error in problem.get("errors", ())
    }


def price(money: Resource) -> str:
    """`{"amount": 150000, "currency": "KES"}` as `KES 1,500`; cents show only when there are any."""
    currency = money["currency"]
    value = Decimal(money["amount"]).scaleb(-get_currency_precision(currency))
    return format_currency(value, currency, "¤¤\xa0#,##0", locale="en", currency_digits=value % 1 != 0)


def path(url: str) -> str:
    """Where one of our own addresses leads, whatever name this page was opened under: browsers take no other here."""
    return urlsplit(url).path


def drawn(category: str) -> str:
    """The category itself when it has a drawing, else `other`."""
    return category if category in _DRAWN else "other"
