"""The shop's pages without a browser: what they show, and what becomes of an order form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bot.web import shop_pages
from bot.web.door import Stranger
from bot.web.order_forms import OrderForms
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.problems import FieldError, Problem
from marketplace_api.schemas.money import Money
from marketplace_api.schemas.products import Product

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
BASKET = Product.model_validate(
    {
        "id": "prd_1",
        "code": "K7P4",
        "title": "Kiondo <basket>",
        "category": "baskets",
        "description": "Woven from sisal.",
        "price": {"amount": 150000, "currency": "KES"},
        "quantity": 3,
        "on_hand": 3,
        "reserved": 0,
        "status": "listed",
        "artisan": {"id": "art_1", "name": "Amina", "town": "Kitui"},
        "photos": [],
        "created_at": NOW,
        "updated_at": NOW,
    }
)
SOLD_OUT = BASKET.model_copy(update={"code": "A2B3", "status": "sold_out", "quantity": 0})
FORMS = OrderForms([b"secret of the tests"], "https://soko.example")
FILLED_IN = {
    "token": FORMS.token("K7P4", "key_of_the_form", NOW),
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
PLACED = StoredAnswer(201, json.dumps({"code": "Q5R6", "quantity": 2, "total": {"amount": 300050, "currency": "KES"}}))
REFUSED = StoredAnswer(
    422,
    Problem.of(
        422, "One thing to correct.", errors=[FieldError(detail="Too short.", pointer="#/buyer/phone")]
    ).as_json(),
)


class RecordingMarketplace:
    """Gives one answer to every order, and keeps what was ordered under which key."""

    def __init__(self) -> None:
        self.orders: list[tuple[Mapping[str, object], str]] = []
        self.answer = PLACED

    def place(self, body: Mapping[str, object], key: str, _address: str) -> StoredAnswer:
        self.orders.append((body, key))
        return self.answer


@pytest.fixture
def marketplace() -> RecordingMarketplace:
    return RecordingMarketplace()


class RecordingDoor:
    """Keeps the acts that were counted."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def count(self, act: str, _stranger: Stranger) -> None:
        self.acts.append(act)


@pytest.fixture
def door() -> RecordingDoor:
    return RecordingDoor()


@pytest.fixture
def client(marketplace: RecordingMarketplace, door: RecordingDoor) -> FlaskClient:
    app = Flask("shop", root_path=str(Path(shop_pages.__file__).parent))
    keys = count(1)
    on_sale = {product.code: product for product in (BASKET, SOLD_OUT)}
    pages = shop_pages.routes(
        catalogue=lambda: [BASKET],
        product=on_sale.get,
        place_order=marketplace.place,
        forms=FORMS,
        door=door,
        clock=lambda: NOW + timedelta(hours=23),
        new_key=lambda: f"key_{next(keys)}",
        country="KE",
        short_code="22384",
    )
    app.register_blueprint(pages)
    return app.test_client()


def test_the_first_page_shows_each_product_with_artisan_town_price_and_picture(client: FlaskClient) -> None:
    shown = client.get("/").text
    for words in (
        "Kiondo &lt;basket&gt;",
        "By Amina, Kitui",
        "KES\xa01,500",
        "/products/K7P4",
        "wares/baskets.svg",
    ):
        assert words in shown


def test_every_category_has_a_drawing_and_others_have_a_common_one() -> None:
    assert [shop_pages.drawn(category) for category in CATEGORIES] == list(CATEGORIES)
    assert shop_pages.drawn("dolls") == "other"


@pytest.mark.parametrize("path", ["/", "/products/K7P4"])
def test_a_page_has_no_inline_styles_or_scripts(client: FlaskClient, path: str) -> None:
    shown = client.get(path).text
    assert not [inline for inline in ("<style", "style=", "<script", "onclick=") if inline in shown]


def test_the_form_becomes_the_body_of_an_order(client: FlaskClient, marketplace: RecordingMarketplace) -> None:
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert marketplace.orders == [(ORDER_BODY, "key_of_the_form")]
    assert answer.status_code == 201
    assert "Q5R6" in answer.text
    assert "KES\xa03,000.50" in answer.text


def test_a_refused_form_is_shown_again_with_errors_at_their_fields(
    client: FlaskClient, marketplace: RecordingMarketplace
) -> None:
    marketplace.answer = REFUSED
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert answer.status_code == 422
    for words in (
        "One thing to correct.",
        'id="buyer.phone-refusal">Too short.',
        'value="Joy"',
    ):
        assert words in answer.text


FORGED = {
    "no token": {"token": ""},
    "a made-up token": {"token": "WyJLN1A0Il0.c2lnbmF0dXJl"},
    "another key of ours": {"token": OrderForms([b"another secret"], FORMS.url).token("K7P4", "key", NOW)},
    "the form of another product": {"token": FORMS.token("A2B3", "key", NOW)},
    "a form of the day before": {"token": FORMS.token("K7P4", "key", NOW - timedelta(hours=2))},
}


@pytest.mark.parametrize("what", FORGED)
def test_a_form_that_is_not_ours_is_shown_again_and_orders_nothing(
    client: FlaskClient, marketplace: RecordingMarketplace, door: RecordingDoor, what: str
) -> None:
    answer = client.post("/products/K7P4", data=FILLED_IN | FORGED[what])

    assert (answer.status_code, marketplace.orders, door.acts) == (403, [], ["wrong_form"])
    assert shop_pages.NOT_OUR_FORM in answer.text
    assert 'value="Joy"' in answer.text


@pytest.mark.parametrize("origin", ["https://evil.example", "http://soko.example", "null", "https://localhost.evil"])
def test_a_form_that_another_page_sends_orders_nothing(
    client: FlaskClient, marketplace: RecordingMarketplace, origin: str
) -> None:
    answer = client.post("/products/K7P4", data=FILLED_IN, headers={"Origin": origin})

    assert (answer.status_code, marketplace.orders) == (403, [])


@pytest.mark.parametrize("origin", ["https://soko.example", "http://localhost", None])
def test_our_own_pages_may_send_the_form(client: FlaskClient, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    assert client.post("/products/K7P4", data=FILLED_IN, headers=headers).status_code == 201


def test_the_form_that_is_shown_can_be_sent(client: FlaskClient, marketplace: RecordingMarketplace) -> None:
    shown = re.search(r'name="token" value="([^"]+)"', client.get("/products/K7P4").text)
    assert shown is not None
    assert client.post("/products/K7P4", data=FILLED_IN | {"token": shown[1]}).status_code == 201
    assert marketplace.orders == [(ORDER_BODY, "key_1")]


def test_a_quantity_that_is_no_number_is_passed_on_for_the_marketplace_to_refuse() -> None:
    assert shop_pages.order_body("prd_1", {"quantity": "two"}, "KES")["quantity"] == "two"


def test_a_sold_out_product_has_a_page_without_a_form(client: FlaskClient) -> None:
    shown = client.get("/products/A2B3")
    assert shown.status_code == 200
    assert "<form" not in shown.text


@pytest.mark.parametrize("send", ["get", "post"])
def test_an_unknown_code_is_answered_with_a_page(client: FlaskClient, send: str) -> None:
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
def test_a_price_shows_its_currency_and_decimals_only_if_not_zero(amount: int, currency: str, shown: str) -> None:
    assert shop_pages.price(Money(amount=amount, currency=currency)).replace("\xa0", " ") == shown
