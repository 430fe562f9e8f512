"""Orders from the shop's pages: validated, refused and placed once, as `POST /api/v1/orders` does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from bot.db.unit_of_work import Database
from bot.web.door import Door
from bot.web.shop_pages import FIELDS, order_body, refusals_by_field
from bot.web.shop_window import ShopWindow
from marketplace_api.catalogue import products
from marketplace_api.models import Order
from marketplace_api.problems import Problem
from tests.actors import TESTER
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, POT, add_product, products_titled, seed_shop, submit_form
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


def api_refusal(service: Service, **changes: str) -> tuple[int, list[str]]:
    """The status with which the API refuses the same order, and its words about the fields of the form."""
    answer = service.http.post(
        "/api/v1/orders",
        json=order_body(pot(service)["id"], FORM | changes, "KES"),
        headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
    )
    refused = Problem.model_validate(answer.get_json())
    by_field = refusals_by_field(refused)
    return answer.status_code, [by_field[field] for field in FIELDS if field in by_field] or [refused.detail]


def window_of(service: Service, database: Database | None = None) -> ShopWindow:
    services = service.services
    door = Door(services.settings, services.database, services.clock)
    return ShopWindow(database or services.database, services.opener(TESTER), door, services.terms, {"KE"})


def test_the_pages_show_the_products_that_the_api_lists(service: Service) -> None:
    shown = [product.model_dump(mode="json") for product in window_of(service).catalogue()]

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
    assert orders(service) == []
    assert pot(service)["quantity"] == 40
    placed = submit(service, price=hidden(refused, "price"), token=hidden(refused, "token"))
    assert (placed.status_code, [order.total for order in orders(service)]) == (201, [180_000_00])


def hidden(page: TestResponse, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None
    return found[1]


def test_an_order_is_stored_as_placed_by_the_shop_window(service: Service) -> None:
    answer = submit(service)
    (order,) = orders(service)

    assert answer.status_code == 201
    assert order.code in answer.text
    assert (order.placed_by, order.quantity, order.buyer_msisdn) == ("shop_window", 2, "+254733000333")
    assert "order.placed" in service.events()


def test_a_form_that_is_submitted_twice_places_one_order(service: Service) -> None:
    first, again = submit(service), submit(service)

    assert (first.status_code, first.text) == (again.status_code, again.text)
    assert len(orders(service)) == 1


def test_another_order_under_the_same_key_is_refused(service: Service) -> None:
    submit(service)
    other = submit(service, quantity="3")

    assert other.status_code == 422
    assert "This Idempotency-Key was used for another request" in other.text
    assert len(orders(service)) == 1


@pytest.mark.parametrize(
    "changes",
    [{"buyer.phone": "12"}, {"buyer.name": ""}, {"quantity": "0"}, {"quantity": "two"}, {"quantity": "1000"}],
    ids=str,
)
def test_a_refusal_has_the_status_and_words_of_the_api(embedded: Service, changes: dict[str, str]) -> None:
    answer = submit(embedded, **changes)
    status, details = api_refusal(embedded, **changes)

    assert answer.status_code == status >= 400
    shown = re.sub("&#39;", "'", answer.text)
    assert [detail for detail in details if detail not in shown] == []
    assert orders(embedded) == []


def test_a_corrected_form_may_use_the_same_key(embedded: Service) -> None:
    assert submit(embedded, **{"buyer.phone": "12"}).status_code == 422
    assert submit(embedded).status_code == 201


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
        answers = {number: submit(service, key=number, **{"buyer.phone": number}) for number in FOREIGN}

    assert {number: answer.status_code for number, answer in answers.items()} == FOREIGN
    assert "Kenya or Uganda" in answers["+255713000333"].text


FOREIGN = {"+256772000333": 201, "+254733000333": 201, "+255713000333": 422}


def test_one_address_reserves_ten_products_an_hour_and_no_more(embedded: Service) -> None:
    for number in range(32):
        add_product(embedded, AKINYI, f"Bowl {number}")
    codes = [product["code"] for product in embedded.api("GET", "/products?limit=100")["data"]]
    answers = [submit_form(embedded, code, code, **{"buyer.phone": phone(number)}) for number, code in enumerate(codes)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [429] * 23
    assert "There were too many orders, so nothing was ordered. Please try again in 60 minutes." in answers[-1].text
    assert sum(product["reserved"] for product in embedded.api("GET", "/products?limit=100")["data"]) == 10
    embedded.clock.advance(3600)
    assert submit_form(embedded, codes[-1], "later", **{"buyer.phone": phone(99)}).status_code == 201


def test_a_phone_has_three_open_orders_that_nobody_vouches_for(service: Service) -> None:
    assert [submit(service, key=str(number)).status_code for number in range(4)] == [201, 201, 201, 429]
    assert "This phone has 3 open orders already" in submit(service, key="5").text
    assert submit(service, key="1").status_code == 201  # the same form again
    assert submit(service, key="6", **{"buyer.phone": phone(1)}).status_code == 201

    service.gateway.text("+254733000333", f"DROP {orders(service)[0].code}")
    assert submit(service, key="7").status_code == 201


def test_orders_of_one_phone_at_the_same_moment_are_three_at_most(service: Service) -> None:
    keys = [submit(service, key="first").status_code]
    answers = together(4, lambda number: submit(service, key=f"key {number}").status_code)
    assert sorted([*keys, *answers]) == [201] * 3 + [429] * 2


def test_orders_with_a_key_are_vouched_for_and_not_limited(embedded: Service) -> None:
    product = pot(embedded)["id"]
    placed = [embedded.order(product, 1, "+256772000333") for _ in range(12)]

    assert {order["payment_status"] for order in placed} == {"vouched"}
    submit(embedded)
    assert [order.payment_status for order in orders(embedded) if order.placed_by == "shop_window"] == ["unpaid"]
