"""Orders of strangers: nobody is texted about an order that was placed for any phone and never paid."""

from __future__ import annotations

from marketplace_api.models import Artisan
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    POT,
    execute_sql,
    outgoing_messages,
    pay,
    products_titled,
    submit_form,
    submit_hidden,
)
from tests.service import Service

FOREIGN = "+256772000333"
LURE = "Win at evil.example"


def order_in_window(service: Service, buyer: str = JOY, title: str = POT) -> tuple[str, str]:
    """A stranger orders for a phone; returns the order's id and the path of its page."""
    (product,) = products_titled(service, title)
    answer = submit_form(service, product["code"], buyer, **{"buyer.phone": buyer})
    assert answer.status_code == 303
    (order,) = service.api("GET", "/orders?limit=1")["data"]
    return order["id"], answer.headers["Location"]


def test_an_order_that_is_never_paid_texts_nobody(service: Service) -> None:
    execute_sql(service, f"UPDATE product SET title = '{LURE}'", f"UPDATE artisan SET name = '{LURE}'")
    order_in_window(service, title=LURE)
    service.later(days=3)

    assert [event for event in service.events() if event.startswith("order.")] == ["order.expired"]
    assert outgoing_messages(service) == []


def test_an_order_that_is_cancelled_before_it_is_paid_texts_nobody(service: Service) -> None:
    _, path = order_in_window(service)
    assert submit_hidden(service, service.http.get(path), f"{path}/cancel").status_code == 303
    service.later(hours=1)

    assert "order.cancelled" in service.events()
    assert outgoing_messages(service) == []


def test_a_buyer_who_has_paid_hears_every_step(service: Service) -> None:
    order_id, _ = order_in_window(service)
    pay(service, order_id)
    code = service.api("GET", f"/orders/{order_id}")["code"]
    assert f"new order {code}" in service.inbox(AKINYI)[-1]
    assert f"Your order {code}: 1 x {POT}" in service.inbox(JOY)[-1]

    service.gateway.text(AKINYI, f"YES {code}")
    assert service.inbox(JOY)[-1] == f"Soko: Akinyi Ouma makes your order {code}: 1 x {POT}, KSh 1,800."


def test_what_the_phone_asks_for_is_answered_before_it_has_paid(service: Service) -> None:
    order_id, _ = order_in_window(service)
    code = service.api("GET", f"/orders/{order_id}")["code"]
    service.gateway.text(JOY, f"TRACK {code}")
    assert [code in text for text in service.inbox(JOY)] == [True]


def test_an_order_whose_artisan_has_left_before_it_was_paid_is_told_to_its_buyer(service: Service) -> None:
    order_id, _ = order_in_window(service)
    with service.services.database.writing.begin() as session:
        artisan = session.query(Artisan).filter_by(msisdn=AKINYI).one()
        artisan.status = "left"
    pay(service, order_id)

    assert [event for event in service.events() if event.startswith("order.")][-1] == "order.declined"
    assert "nobody can make your order" in service.inbox(JOY)[-1]


def test_an_order_with_a_key_is_texted_in_every_country_as_ever(service: Service) -> None:
    (pot,) = products_titled(service, POT)
    service.order(pot["id"], 1, FOREIGN)
    (text,) = service.inbox(FOREIGN)
    assert text.startswith("Soko: thank you! Your order ")
