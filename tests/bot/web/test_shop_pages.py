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

from bot.web import formats, payment_form, shop_pages
from bot.web.door import Stranger
from bot.web.order_forms import OrderForms
from bot.web.shop_pages import Times
from bot.web.shop_window import PricedProduct, ShownWindow
from marketplace_api.catalogue.browsing import BrowsedPage
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.catalogue.shown import ShownProduct
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.orders.quotes import Quote, WaysToPay
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
        "artisan_earns": {"amount": 135000, "currency": "KES"},
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
    "payment.by": "mpesa",
    "payment.phone": "",
}
ORDER_BODY = {
    "product_id": "prd_1",
    "quantity": 2,
    "buyer": {"name": "Joy", "phone": "+254733000333", "locale": "en"},
    "ship_to": {"name": "Joy", "line1": "7 Riverside Drive", "city": "Nairobi", "country": "KE"},
    "payment": {"by": "mpesa", "phone": "+254733000333"},
}
PLACED = StoredAnswer(201, json.dumps({"id": "ord_4k2", "code": "Q5R6"}))


def kes(amount: int) -> Money:
    return Money(amount=amount, currency="KES")


WAYS = WaysToPay(["mpesa", "card"], "M-PESA", [kes(350000), Money(amount=2703, currency="USD")], ["EUR"])
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
        self.placed: dict[str, str] = {}
        self.is_open = True

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

    def offer(code: str, quantity: int, country: str) -> PricedProduct | None:
        goods, shipping = 150000 * quantity, 50000 if country == "UG" else 0
        quote = Quote(kes(goods), kes(shipping), kes(0), kes(goods + shipping), kes(goods * 9 // 10))
        ways = WAYS if marketplace.is_open else WaysToPay([], "M-PESA")
        return PricedProduct(on_sale[code], None if country == "FR" else quote, ways, {}) if code in on_sale else None

    page = BrowsedPage([ShownProduct(BASKET)], None)
    pages = shop_pages.routes(
        browse=lambda _asked, _start, _most: ShownWindow(page, [], marketplace.is_open, {}),
        maker=lambda _id, _start, _most: None,
        kiosk=lambda _id, _start, _most: None,
        offer=offer,
        place_order=marketplace.place,
        order_of_form=marketplace.placed.get,
        link=lambda order_id: f"https://soko.example/o/page_of_{order_id}",
        forms=FORMS,
        door=door,
        clock=lambda: NOW + timedelta(hours=23),
        new_key=lambda: f"key_{next(keys)}",
        country="KE",
        phone_country=lambda _chosen: "KE",
        times=Times(48, 21, 30),
        languages=["en", "sw", "fr", "am"],
        currency="KES",
    )
    app.register_blueprint(pages)
    app.add_url_rule("/how", "how.how", lambda: "")
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
    assert [formats.drawn(category) for category in CATEGORIES] == list(CATEGORIES)
    assert formats.drawn("dolls") == "other"


@pytest.mark.parametrize("path", ["/", "/products/K7P4"])
def test_a_page_has_no_inline_styles_or_scripts(client: FlaskClient, path: str) -> None:
    shown = client.get(path).text
    assert not re.search(r'<style|style=|<script(?! src="/static/| type="application/ld\+json")|onclick=', shown)


def test_the_form_becomes_the_body_of_an_order(client: FlaskClient, marketplace: RecordingMarketplace) -> None:
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert marketplace.orders == [(ORDER_BODY, "key_of_the_form")]
    assert (answer.status_code, answer.headers["Location"]) == (303, "/o/page_of_ord_4k2")


def test_a_form_shows_its_total_what_the_maker_earns_and_how_it_can_be_paid(client: FlaskClient) -> None:
    shown = client.get("/products/K7P4?quantity=2&ship_to.country=UG").text
    for words in (
        "<dt>2 × KES\xa01,500</dt><dd>KES\xa03,000</dd>",
        "<dt>Shipping to Uganda</dt><dd>KES\xa0500</dd>",
        "<dt>Tax</dt><dd>KES\xa00</dd>",
        "<dt>Total</dt><dd>KES\xa03,500</dd>",
        "<dt>By card in USD</dt><dd>USD\xa027.03</dd>",
        "Amina earns KES\xa02,700 of it.",
        'name="payment.by" value="mpesa" checked',
        'name="payment.by" value="card">',
        "No card can be charged in EUR at the moment: we have no exchange rate of today.",
        'name="charges" value="50000"',
    ):
        assert words in shown


def test_what_it_costs_is_shown_before_anything_is_typed_and_each_field_of_an_order_is_there_once(
    client: FlaskClient,
) -> None:
    shown = client.get("/products/K7P4?pieces=2&to=UG").text

    assert "<dt>Shipping to Uganda</dt><dd>KES\xa0500</dd>" in shown
    assert "<dt>Total</dt><dd>KES\xa03,500</dd>" in shown
    assert [shown.count(f'name="{name}"') for name in shop_pages.FIELDS] == [1] * len(shop_pages.FIELDS)


def test_a_form_for_a_country_to_which_we_do_not_ship_says_so(client: FlaskClient) -> None:
    assert "We do not ship to France." in client.get("/products/K7P4?ship_to.country=FR").text


@pytest.mark.parametrize("query", ["quantity=0", "quantity=x", "quantity=1001", "quantity=", "ship_to.country=%00"])
def test_a_total_is_shown_for_whatever_is_asked_for(client: FlaskClient, query: str) -> None:
    assert "<dt>1 × KES\xa01,500</dt>" in client.get(f"/products/K7P4?{query}").text


@pytest.mark.parametrize(
    ("fields", "payment"),
    [
        ({"payment.phone": "0799000999"}, {"by": "mpesa", "phone": "0799000999"}),
        ({"payment.by": ""}, {"by": "mpesa", "phone": "+254733000333"}),
        (
            {"payment.by": "card", "payment.currency": "USD"},
            {"by": "card", "currency": "USD", "return_url": "https://soko.example"},
        ),
        ({"payment.by": "card"}, {"by": "card", "currency": "KES", "return_url": "https://soko.example"}),
        ({"payment.by": "storefront"}, {"by": "storefront", "phone": "+254733000333"}),
    ],
    ids=str,
)
def test_the_buyer_chooses_how_to_pay(
    client: FlaskClient, marketplace: RecordingMarketplace, fields: dict[str, str], payment: dict[str, str]
) -> None:
    client.post("/products/K7P4", data=FILLED_IN | fields)
    assert marketplace.orders == [({**ORDER_BODY, "payment": payment}, "key_of_the_form")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"price": "150000"}, 300000),
        ({"price": "150000", "charges": "0"}, 300000),
        ({"price": "150000", "charges": "50000"}, 350000),
        ({"price": "150000", "charges": "50000", "quantity": "3"}, 500000),
        ({"price": "x", "charges": "50000"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_shown_total_is_what_the_order_may_cost(
    client: FlaskClient, marketplace: RecordingMarketplace, fields: dict[str, str], expected: int | None
) -> None:
    client.post("/products/K7P4", data=FILLED_IN | fields)
    total = marketplace.orders[0][0].get("expected_total")
    assert total == (expected and {"amount": expected, "currency": "KES"})


REASONS = {
    "absurd_amount": ("payment.by", "M-PESA does not take so much at once. Please order less or pay by card."),
    "no_collector": ("payment.by", "Nobody can pay in this way at the moment. Please choose another way."),
    "phone_not_charged": (
        "payment.phone",
        "M-PESA cannot charge this phone. Please name another one or pay by card.",
    ),
    "no_exchange_rate": (
        "payment.currency",
        "We have no exchange rate of today for this currency. Please choose another one.",
    ),
    "no_shipping_there": ("ship_to.country", "We do not ship to Kenya."),
    "not_enough_stock": ("quantity", "There are not so many. At most: 3"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_refusal_by_the_shop_is_shown_at_the_field_that_can_be_changed(
    client: FlaskClient, marketplace: RecordingMarketplace, reason: str
) -> None:
    marketplace.answer = StoredAnswer(409, Problem.of(409, "Only 1 of K7P4", reason).as_json())
    answer = client.post("/products/K7P4", data=FILLED_IN)
    field, words = REASONS[reason]

    assert answer.status_code == 409
    assert f'id="{field}-refusal">{words}</span>' in answer.text
    assert f'aria-describedby="{field}-refusal"' in answer.text or field == "payment.by"


def test_every_place_of_a_refusal_has_words() -> None:
    assert set(REASONS) == set(payment_form.PLACES)


def test_a_form_whose_key_has_an_order_leads_to_that_order(
    client: FlaskClient, marketplace: RecordingMarketplace
) -> None:
    marketplace.answer = StoredAnswer(422, Problem.of(422, "Used.", "idempotency_key_reused").as_json())
    marketplace.placed["key_of_the_form"] = "ord_1"
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/o/page_of_ord_1?is_from_before=yes")


def test_a_form_whose_key_has_a_refusal_is_shown_again(client: FlaskClient, marketplace: RecordingMarketplace) -> None:
    marketplace.answer = StoredAnswer(422, Problem.of(422, "Used.", "idempotency_key_reused").as_json())
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert answer.status_code == 409
    assert shop_pages.SENT_BEFORE in answer.text


def test_without_a_collector_the_shop_shows_its_wares_and_takes_no_orders(
    client: FlaskClient, marketplace: RecordingMarketplace
) -> None:
    marketplace.is_open = False
    window, product = client.get("/").text, client.get("/products/K7P4").text
    answer = client.post("/products/K7P4", data=FILLED_IN)

    assert "Ordering here is closed at the moment. You can see what is on sale." in window
    assert "Kiondo &lt;basket&gt;" in window
    assert "Ordering here is closed at the moment. Please come back later." in product
    assert "<form" not in product
    assert (answer.status_code, marketplace.orders) == (409, [])
    assert "Ordering here is closed at the moment. Nothing was ordered." in answer.text


def test_a_refused_form_is_shown_again_with_errors_at_their_fields(
    client: FlaskClient, marketplace: RecordingMarketplace
) -> None:
    marketplace.answer = REFUSED
    answer = client.post("/products/K7P4", data=FILLED_IN)
    assert answer.status_code == 422
    for words in (
        "Nothing was ordered. Please correct what is marked.",
        'id="buyer.phone-refusal">Please type a mobile number, such as 0712 123456;',
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
    assert client.post("/products/K7P4", data=FILLED_IN, headers=headers).status_code == 303


def test_the_form_that_is_shown_can_be_sent(client: FlaskClient, marketplace: RecordingMarketplace) -> None:
    shown = re.search(r'name="token" value="([^"]+)"', client.get("/products/K7P4").text)
    assert shown is not None
    assert client.post("/products/K7P4", data=FILLED_IN | {"token": shown[1]}).status_code == 303
    assert marketplace.orders == [(ORDER_BODY, "key_1")]


def test_a_quantity_that_is_no_number_is_passed_on_for_the_marketplace_to_refuse() -> None:
    offered = PricedProduct(BASKET, None, WAYS, {})
    assert shop_pages.order_body(offered, {"quantity": "two"}, "")["quantity"] == "two"


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
    assert formats.price(Money(amount=amount, currency=currency)).replace("\xa0", " ") == shown
