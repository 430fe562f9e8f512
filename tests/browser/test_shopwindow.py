"""The shop window without a browser: what it shows, and what an order form becomes."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bot.web import shop_pages
from marketplace_api.catalogue.categories import CATEGORIES

BASKET = {
    "id": "prd_1",
    "code": "K7P4",
    "title": "Kiondo <basket>",
    "category": "baskets",
    "description": "Woven from sisal.",
    "price": {"amount": 150000, "currency": "KES"},
    "quantity": 3,
    "status": "listed",
    "artisan": {"id": "art_1", "name": "Amina", "town": "Kitui"},
    "photos": [],
}
SOLD_OUT = {**BASKET, "code": "A2B3", "status": "sold_out", "quantity": 0}
FILLED_IN = {
    "attempt": "key_of_the_form",
    "quantity": "2",
    "buyer.name": "Joy",
    "buyer.phone": "+254733000333",
    "ship_to.line1": "7 Riverside Drive",
    "ship_to.line2": "  ",
    "ship_to.city": "Nairobi",
    "ship_to.country": "KE",
    "product_id": "prd_smuggled",
}
ORDER_BODY = {
    "product_id": "prd_1",
    "quantity": 2,
    "buyer": {"name": "Joy", "phone": "+254733000333", "locale": "en"},
    "ship_to": {"name": "Joy", "line1": "7 Riverside Drive", "city": "Nairobi", "country": "KE"},
}
PLACED = (201, {"code": "Q5R6", "quantity": 2, "total": {"amount": 300050, "currency": "KES"}})
REFUSED = (
    422,
    {"detail": "One thing to correct.", "errors": [{"pointer": "#/buyer/phone", "detail": "Too short."}]},
)


class Api:
    """The marketplace's answers to orders, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], str]] = []
        self.answer: tuple[int, dict[str, Any]] = PLACED

    def place(self, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        self.asked.append((body, key))
        return self.answer


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def client(api: Api) -> FlaskClient:
    app = Flask("shop", root_path=str(Path(shop_pages.__file__).parent))
    keys = count(1)
    wares = {ware["code"]: ware for ware in (BASKET, SOLD_OUT)}
    window = shop_pages.routes(
        catalogue=lambda: [BASKET],
        product=wares.get,
        place_order=api.place,
        new_key=lambda: f"key_{next(keys)}",
        country="KE",
    )
    app.register_blueprint(window)
    return app.test_client()


def test_the_window_shows_each_ware_with_maker_town_price_and_a_drawing(client: FlaskClient) -> None:
    shown = client.get("/").text
    for words in (
        "Kiondo &lt;basket&gt;",
        "By Amina, Kitui",
        "KES\xa01,500",
        "/products/K7P4",
        "wares/baskets.svg",
    ):
        assert words in shown


def test_every_category_has_a_drawing_and_an_unknown_one_the_weave() -> None:
    assert [shop_pages.drawn(category) for category in CATEGORIES] == list(CATEGORIES)
    assert shop_pages.drawn("dolls") == "other"


@pytest.mark.parametrize("path", ["/", "/products/K7P4"])
def test_nothing_is_inline(client: FlaskClient, path: str) -> None:
    shown = client.get(path).text
    assert not [inline for inline in ("<style", "style=", "<script", "onclick=") if inline in shown]


def test_the_form_becomes_the_body_that_the_api_takes(client: FlaskClient, api: Api) -> None:
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert api.asked == [(ORDER_BODY, "key_of_the_form")]
    assert answer.status_code == 201
    assert "Q5R6" in answer.text
    assert "KES\xa03,000.50" in answer.text


def test_a_refusal_stands_at_its_field_beside_what_was_typed_under_a_new_key(client: FlaskClient, api: Api) -> None:
    api.answer = REFUSED
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert answer.status_code == 422
    for words in (
        "One thing to correct.",
        'id="buyer.phone-refusal">Too short.',
        'value="Joy"',
        'value="key_1"',
    ):
        assert words in answer.text


@pytest.mark.parametrize("attempt", ["", "a\r\nX-Scope: operator", "ключ", "k" * 65])
def test_a_key_that_is_none_of_ours_is_replaced(client: FlaskClient, api: Api, attempt: str) -> None:
    client.post("/products/K7P4", data={**FILLED_IN, "attempt": attempt})
    assert api.asked == [(ORDER_BODY, "key_1")]


def test_a_quantity_that_is_no_number_is_left_for_the_api_to_refuse() -> None:
    assert shop_pages.order_body("prd_1", {"quantity": "two"})["quantity"] == "two"


def test_a_ware_that_is_sold_out_has_a_page_and_no_form(client: FlaskClient) -> None:
    shown = client.get("/products/A2B3")
    assert shown.status_code == 200
    assert "<form" not in shown.text


@pytest.mark.parametrize("send", ["get", "post"])
def test_an_unknown_code_is_a_page_with_words(client: FlaskClient, send: str) -> None:
    shown = getattr(client, send)("/products/ZZZZ")
    assert shown.status_code == 404
    assert "not on sale here" in shown.text


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (150000, "KES", "KES 1,500"),
        (150050, "KES", "KES 1,500.50"),
        (5, "KES", "KES 0.05"),
        (1500, "UGX", "UGX 1,500"),
        (0, "KES", "KES 0"),
    ],
)
def test_money_is_shown_with_its_currency_and_only_the_cents_there_are(amount: int, currency: str, shown: str) -> None:
    assert shop_pages.price({"amount": amount, "currency": currency}).replace("\xa0", " ") == shown
