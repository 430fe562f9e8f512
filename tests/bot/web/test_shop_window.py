"""Orders from the shop's pages: validated, refused and placed once, as `POST /api/v1/orders` does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from bot.db.replica import LateReads
from bot.db.unit_of_work import Database
from bot.web.door import Door
from bot.web.shop_pages import order_body
from bot.web.shop_window import ShopWindow
from marketplace_api.catalogue import products
from marketplace_api.catalogue.browsing import Browse, Start
from marketplace_api.models import BuyerPayment, Order
from marketplace_api.orders import paying
from marketplace_api.payments import charges, exchange
from tests.actors import TESTER
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, POT, add_product, pay, products_titled, seed_shop, submit_form
from tests.service import OPERATOR_KEY, Service, serving
from tests.threads import together

FORM = fixtures.FORM | {"quantity": "2", "buyer.phone": "0733000333"}


def pot(service: Service) -> dict[str, Any]:
    (product,) = products_titled(service, POT)
    return dict(product)


def submit(service: Service, key: str = "key_of_the_form", **changes: str) -> TestResponse:
    return submit_form(service, pot(service)["code"], key, **(FORM | changes))


def orders(service: Service) -> list[Order]:
    with service.services.database.reading() as session:
        return list(session.scalars(select(Order).order_by(Order.created_at)))


def api_status(service: Service, **changes: str) -> int:
    """The status with which the API refuses the same order."""
    offered = window_of(service).offer(pot(service)["code"], 1, "KE")
    assert offered is not None
    answer = service.http.post(
        "/api/v1/orders",
        json=order_body(offered, FORM | changes, ""),
        headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
    )
    return answer.status_code


def window_of(service: Service, database: Database | None = None) -> ShopWindow:
    services = service.services
    door = Door(services.settings, services.database, services.clock)
    return ShopWindow(
        database or services.database,
        LateReads(database, None) if database else services.reads,
        services.opener(TESTER),
        door,
        services.terms,
        {"KE"},
        "KE",
        lambda order_id: f"https://soko.example/o/{order_id}",
    )


def test_the_pages_show_the_products_that_the_api_lists(service: Service) -> None:
    page = window_of(service).browse(Browse(), Start(), most=10).page
    shown = [product.schema.model_dump(mode="json") for product in page.products]

    assert shown == service.api("GET", "/products?limit=100")["data"] != []
    assert service.http.get("/").text.count('class="ware"') == len(shown)


def test_a_price_that_changed_since_it_was_shown_is_asked_again_and_nothing_is_ordered(service: Service) -> None:
    shown = hidden(service.http.get(f"/products/{pot(service)['code']}"), "price")
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        row = products.by_code(shop, pot(service)["code"])
        assert row is not None
        products.set_price(shop, row.artisan, row.code, 90_000_00)
    refused = submit(service, price=shown)

    assert refused.status_code == 409
    assert "The price was KES\xa01,800 when you opened this page. Now it is KES\xa090,000." in refused.text
    assert "<dt>Total</dt><dd>KES\xa0180,000</dd>" in refused.text
    assert orders(service) == []
    assert pot(service)["quantity"] == 40
    placed = submit(service, price=hidden(refused, "price"), token=hidden(refused, "token"))
    assert (placed.status_code, [order.total for order in orders(service)]) == (303, [180_000_00])


def hidden(page: TestResponse, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None
    return found[1]


def test_an_order_is_unpaid_at_first_and_leads_to_its_page(service: Service) -> None:
    answer = submit(service)
    (order,) = orders(service)
    page = service.http.get(answer.headers["Location"])

    assert answer.status_code == 303
    assert re.fullmatch(r"/o/[A-Za-z0-9_-]{22,}", answer.headers["Location"])
    assert (page.status_code, order.code in page.text) == (200, True)
    assert (order.placed_by, order.quantity, order.buyer_msisdn) == ("shop_window", 2, "+254733000333")
    assert (order.status, order.payment_status, order.assignments) == ("unpaid", "unpaid", [])
    assert "order.placed" not in service.events()
    assert (service.inbox("+254733000333"), service.inbox(AKINYI)) == ([], [])


def test_a_form_that_is_submitted_twice_places_one_order_and_leads_to_it_again(service: Service) -> None:
    first, again = submit(service), submit(service)

    assert (first.status_code, first.headers["Location"]) == (again.status_code, again.headers["Location"])
    assert len(orders(service)) == 1


def test_a_form_that_is_changed_after_going_back_leads_to_the_order_as_it_was_placed(service: Service) -> None:
    first, other = submit(service), submit(service, quantity="3")
    shown = service.http.get(other.headers["Location"])

    assert other.status_code == 303
    assert other.headers["Location"].split("?")[0] == first.headers["Location"]
    assert "You sent this form before, so nothing was ordered again." in shown.text
    assert [order.quantity for order in orders(service)] == [2]


# What it costs, and how it is paid


def test_a_country_with_another_total_is_asked_again_and_nothing_is_ordered(service: Service) -> None:
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        charges.set_shipping(shop, "KE", 5, 300_00)
        charges.set_shipping(shop, "UG", 5, 900_00)
        charges.set_tax(shop, "UG", 10_00)
    page = service.http.get(f"/products/{pot(service)['code']}")
    shown = {name: hidden(page, name) for name in ("price", "charges")}
    refused = submit(service, **shown, **{"ship_to.country": "UG"})

    assert refused.status_code == 409
    assert "The total was KES\xa03,900 when you saw it. Now it is KES\xa04,950 to Uganda. Nothing was" in refused.text
    assert "<dt>Total</dt><dd>KES\xa04,950</dd>" in refused.text
    assert 'value="Joy"' in refused.text
    assert orders(service) == []
    shown = {name: hidden(refused, name) for name in ("price", "charges", "token")}
    placed = submit(service, **shown, **{"ship_to.country": "UG"})
    assert (placed.status_code, [order.total for order in orders(service)]) == (303, [4_950_00])
    assert submit(service, key="KE", price="180000", charges="30000").status_code == 303


def test_a_country_to_which_we_do_not_ship_is_refused_beside_its_field(embedded: Service) -> None:
    with embedded.services.database.writing.begin() as session:
        charges.set_shipping(embedded.services.shop(session, TESTER), "KE", 5, 300_00)
    refused = submit(embedded, **{"ship_to.country": "FR"})

    assert refused.status_code == 422
    assert 'id="ship_to.country-refusal">We do not ship to France.</span>' in refused.text
    assert orders(embedded) == []


def test_the_prompt_goes_to_the_phone_that_is_named_else_to_the_buyers(embedded: Service) -> None:
    submit(embedded)
    submit(embedded, key="other", **{"payment.by": "mpesa", "payment.phone": "0799000999"})
    assert [[(p.method, p.msisdn) for p in payments(embedded, order)] for order in orders(embedded)] == [
        [("mpesa", "+254733000333")],
        [("mpesa", "+254799000999")],
    ]


@pytest.mark.parametrize(
    ("phone", "words"),
    [
        ("+256772000333", "M-PESA cannot charge this phone. Please name another one or pay by card."),
        ("12", "Please type a mobile number"),
    ],
)
def test_a_phone_that_cannot_be_charged_is_refused_beside_its_field(embedded: Service, phone: str, words: str) -> None:
    refused = submit(embedded, **{"payment.by": "mpesa", "payment.phone": phone})

    assert refused.status_code == 422
    assert f'id="payment.phone-refusal">{words}' in refused.text
    assert orders(embedded) == []


def test_a_card_is_charged_in_a_currency_that_has_a_rate_and_leads_back_to_the_page(embedded: Service) -> None:
    set_dollars(embedded)
    placed = submit(embedded, **{"payment.by": "card", "payment.currency": "USD"})
    (order,) = orders(embedded)
    (payment,) = payments(embedded, order)

    assert (payment.method, payment.currency, payment.amount) == ("card", "USD", 3600)
    assert payment.return_url == f"{embedded.settings.url}{placed.headers['Location']}"


def test_no_card_is_charged_at_a_stale_rate(embedded: Service) -> None:
    set_dollars(embedded)
    embedded.clock.advance(24 * 3600 + 1)
    refused = submit(embedded, **{"payment.by": "card", "payment.currency": "USD"})

    assert refused.status_code == 409
    assert 'id="payment.currency-refusal">We have no exchange rate of today for this currency.' in refused.text
    assert "No card can be charged in USD at the moment" in refused.text
    assert orders(embedded) == []


def test_a_paused_collector_is_not_offered(embedded: Service) -> None:
    with embedded.services.database.writing.begin() as session:
        for collector in ("simulator", "stripe"):
            paying.pause_collecting(embedded.services.shop(session, TESTER), collector, "wrong passkey")
    page = embedded.http.get(f"/products/{pot(embedded)['code']}").text
    refused = submit(embedded)

    assert "Ordering here is closed at the moment." in page
    assert "<form" not in page
    assert "Ordering here is closed at the moment." in embedded.http.get("/").text
    assert (refused.status_code, orders(embedded)) == (409, [])


def set_dollars(service: Service) -> None:
    with service.services.database.writing.begin() as session:
        exchange.set_rate(service.services.shop(session, TESTER), "USD", Decimal(100), Decimal(0))


def payments(service: Service, order: Order) -> list[BuyerPayment]:
    with service.services.database.reading() as session:
        of_order = select(BuyerPayment).where(BuyerPayment.order_id == order.id)
        return list(session.scalars(of_order.order_by(BuyerPayment.created_at)))


@pytest.mark.parametrize(
    "changes",
    [{"buyer.phone": "12"}, {"buyer.name": ""}, {"quantity": "0"}, {"quantity": "two"}, {"quantity": "1000"}],
    ids=str,
)
def test_a_refusal_has_the_status_of_the_api_and_words_of_ours_beside_its_field(
    embedded: Service, changes: dict[str, str]
) -> None:
    answer = submit(embedded, **changes)
    (field,) = changes
    marked = re.search(
        rf'name="{field}"[^>]* aria-invalid="true" aria-describedby="{field}-refusal" autofocus', answer.text
    )

    assert answer.status_code == api_status(embedded, **changes) >= 400
    assert marked
    assert f'id="{field}-refusal">{OUR_WORDS[field, changes[field]]}' in answer.text
    assert orders(embedded) == []


OUR_WORDS = {
    ("buyer.phone", "12"): "Please type a mobile number, such as 0712 123456;",
    ("buyer.name", ""): "Please fill this in.",
    ("quantity", "0"): "Please type a number from 1 to 1000.",
    ("quantity", "two"): "Please type a number from 1 to 1000.",
    ("quantity", "1000"): "There are not so many. At most: 40",
}


def test_the_first_of_several_refusals_has_the_focus(embedded: Service) -> None:
    answer = submit(embedded, **{"buyer.phone": "12", "buyer.name": "", "ship_to.city": ""})

    assert answer.text.count("aria-invalid") == 3
    assert re.findall(r'name="([a-z.]+)"[^>]* autofocus', answer.text) == ["buyer.name"]
    assert "Nothing was ordered. Please correct what is marked." in answer.text


def test_a_form_is_refused_in_the_language_of_its_page_and_the_buyer_is_texted_in_it(embedded: Service) -> None:
    assert submit(embedded).status_code == 303
    embedded.http.get("/?lang=fr")
    refused = submit(embedded, key="other", **{"buyer.phone": ""})
    assert submit(embedded, key="another").status_code == 303

    assert 'id="buyer.phone-refusal">Remplissez ceci, svp.' in refused.text
    assert [order.buyer_locale for order in orders(embedded)] == ["en", "fr"]


@pytest.mark.parametrize(
    ("country", "typed", "phone"),
    [
        ("UG", "0772 000333", "+256772000333"),
        ("KE", "0733 000333", "+254733000333"),
        ("FR", "0733000333", "+254733000333"),
    ],
)
def test_a_phone_is_read_as_people_of_the_chosen_country_write_it(
    tmp_path: Path, country: str, typed: str, phone: str
) -> None:
    with serving(tmp_path, buyer_countries=["KE", "UG"]) as service:
        seed_shop(service)
        sent = {"payment.by": "card", "buyer.phone": typed, "ship_to.country": country}
        assert submit(service, **sent).status_code == 303
        assert [order.buyer_msisdn for order in orders(service)] == [phone]
        code = pot(service)["code"]
        assert "such as 0712 345678" in service.http.get(f"/products/{code}?ship_to.country=UG").text


def test_a_corrected_form_may_use_the_same_key(embedded: Service) -> None:
    assert submit(embedded, **{"buyer.phone": "12"}).status_code == 422
    assert submit(embedded).status_code == 303


def test_a_busy_database_is_answered_in_words_with_the_form(embedded: Service) -> None:
    class Busy:
        def begin(self) -> None:
            raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))

    database = replace(embedded.services.database, writing=Busy())
    answer = window_of(embedded, database).place_order({}, "key", "192.0.2.7")

    assert answer.status == 503
    assert json.loads(answer.body)["detail"].startswith("The shop is very busy and nothing was changed.")


# Strangers


def phone(number: int) -> str:
    return f"+25473300{number:04}"


def test_sixty_orders_for_sixty_foreign_numbers_are_refused_and_text_nobody(embedded: Service) -> None:
    foreign = [f"+2567720{number:05}" for number in range(60)]
    answers = [submit(embedded, key=number, **{"buyer.phone": number}) for number in foreign]

    assert {answer.status_code for answer in answers} == {422}
    assert "is not a phone in Kenya, where we can text buyers" in answers[0].text
    assert orders(embedded) == []
    assert [number for number in foreign if embedded.inbox(number)] == []


def test_the_countries_of_buyers_can_be_set(tmp_path: Path) -> None:
    with serving(tmp_path, buyer_countries=["UG", "KE"]) as service:
        seed_shop(service)
        by_card = {"payment.by": "card"}
        answers = {number: submit(service, key=number, **by_card, **{"buyer.phone": number}) for number in FOREIGN}

    assert {number: answer.status_code for number, answer in answers.items()} == FOREIGN
    assert "Kenya or Uganda" in answers["+255713000333"].text


FOREIGN = {"+256772000333": 303, "+254733000333": 303, "+255713000333": 422}


def test_one_address_reserves_ten_products_an_hour_and_no_more(embedded: Service) -> None:
    for number in range(32):
        add_product(embedded, AKINYI, f"Bowl {number}")
    codes = [product["code"] for product in embedded.api("GET", "/products?limit=100")["data"]]
    answers = [submit_form(embedded, code, code, **{"buyer.phone": phone(number)}) for number, code in enumerate(codes)]

    assert [answer.status_code for answer in answers] == [303] * 10 + [429] * 23
    assert "There were too many orders, so nothing was ordered. Please try again in 60 minutes." in answers[-1].text
    assert sum(product["reserved"] for product in embedded.api("GET", "/products?limit=100")["data"]) == 10
    embedded.clock.advance(3600)
    assert submit_form(embedded, codes[-1], "later", **{"buyer.phone": phone(99)}).status_code == 303


def test_a_phone_has_three_unpaid_orders(service: Service) -> None:
    assert [submit(service, key=str(number)).status_code for number in range(4)] == [303, 303, 303, 429]
    assert "This phone has 3 unpaid orders already" in submit(service, key="5").text
    assert submit(service, key="1").status_code == 303  # the same form again
    assert submit(service, key="6", **{"buyer.phone": phone(1)}).status_code == 303

    pay(service, orders(service)[0].id)
    assert submit(service, key="7").status_code == 303
    assert submit(service, key="8").status_code == 429


def test_unpaid_orders_end_after_a_quarter_of_an_hour_and_nobody_hears_of_them(service: Service) -> None:
    submit(service)
    assert pot(service)["reserved"] == 2
    service.later(minutes=14)
    assert [order.status for order in orders(service)] == ["unpaid"]
    service.later(minutes=2)

    assert [order.status for order in orders(service)] == ["expired"]
    assert pot(service)["reserved"] == 0
    assert (service.inbox("+254733000333"), service.inbox(AKINYI)) == ([], [])
    assert [submit(service, key=str(number)).status_code for number in range(3)] == [303] * 3


def test_a_phone_gets_ten_prompts_a_day_from_strangers(embedded: Service) -> None:
    def ask(number: int) -> int:
        buyer = {"buyer.phone": phone(number), "payment.by": "mpesa", "payment.phone": "0799000999"}
        embedded.http.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        return submit(embedded, key=str(number), **buyer).status_code

    assert [ask(number) for number in range(11)] == [303] * 10 + [429]


def test_orders_of_one_phone_at_the_same_moment_are_three_at_most(service: Service) -> None:
    keys = [submit(service, key="first").status_code]
    answers = together(4, lambda number: submit(service, key=f"key {number}").status_code)
    assert sorted([*keys, *answers]) == [303] * 3 + [429] * 2


def test_orders_with_a_key_are_vouched_for_and_not_limited(embedded: Service) -> None:
    product = pot(embedded)["id"]
    placed = [embedded.order(product, 1, "+256772000333") for _ in range(12)]

    assert {order["payment_status"] for order in placed} == {"vouched"}
    submit(embedded)
    assert [order.payment_status for order in orders(embedded) if order.placed_by == "shop_window"] == ["unpaid"]
