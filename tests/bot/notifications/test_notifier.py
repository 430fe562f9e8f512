"""What happens in the shop is told to whom it concerns, once, in one segment, in the language she reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import locales
from bot.marketplace.event_consumer import BATCH_SIZE
from flows import gsm7
from marketplace_api.accounts import artisans
from marketplace_api.orders import deadlines, orders, receiving
from marketplace_api.payments import due
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    POT,
    add_artisan,
    add_product,
    choose_language,
    execute_sql,
    notifications,
    outgoing_messages,
    place_order,
    received_order,
)
from tests.service import Service
from tests.state.together import together

CARRIER, TRACKING = "Posta Kenya Express", "RB123456785KE"
Life = Callable[..., str]


def delivered(service: Service, quantity: int = 2, title: str = POT, maker: str = AKINYI) -> str:
    """An order that went all its way; its code."""
    made = received_order(service, quantity, title=title, artisan=maker)
    service.work()
    service.api("POST", f"/orders/{made['id']}/ship", {"carrier": CARRIER, "tracking": TRACKING})
    service.api("POST", f"/orders/{made['id']}/deliver")
    return str(made["code"])


def declined(service: Service, quantity: int = 1, title: str = POT, maker: str = AKINYI) -> str:
    placed = place_order(service, quantity, title=title)
    service.gateway.text(maker, f"NO {placed['code']}")
    return str(placed["code"])


def cancelled(service: Service, quantity: int = 1, title: str = POT, maker: str = AKINYI) -> str:
    placed = place_order(service, quantity, title=title)
    service.api("POST", f"/orders/{placed['id']}/cancel")
    return str(placed["code"])


def expired(service: Service, quantity: int = 1, title: str = POT, maker: str = AKINYI) -> str:
    placed = place_order(service, quantity, title=title)
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session)
        orders.expire(shop, orders.by_id(shop, placed["id"]))
    return str(placed["code"])


NYAMBURA = "+254711000888"
"""Another artisan, of the same craft and kiosk."""


def briefed(service: Service, quantity: int = 40, title: str = POT, maker: str = AKINYI) -> dict[str, Any]:
    """A bulk order that two artisans are asked about; the order."""
    (kiosk,) = service.api("GET", "/kiosks")["data"]
    if NYAMBURA not in {known["phone"] for known in service.api("GET", "/artisans")["data"]}:
        service.clock.advance(60)  # who came first is asked first
        add_artisan(service, NYAMBURA, "Nyambura", kiosk["id"])
    price = {"amount": 1000_00, "currency": "KES"}
    what = {"title": title, "category": "pottery", "unit_price": price, "quantity": quantity, "due_on": "2026-12-20"}
    return service.brief(what, JOY)


def made_by_many(service: Service, quantity: int = 40, title: str = POT, maker: str = AKINYI) -> str:
    """Two take a part each; of what they bring some is turned back."""
    placed = briefed(service, quantity, title)
    service.work()
    service.gateway.text(maker, f"YES {placed['code']} {quantity - 1}")
    service.gateway.text(NYAMBURA, f"YES {placed['code']}")
    service.work()
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session)
        made = orders.by_id(shop, placed["id"])
        (first, *_) = (part for part in made.assignments if part.artisan.msisdn == maker)
        receiving.receive(shop, first.kiosk, first.id, quantity - 3, refused=2, reason="different")
    return str(placed["code"])


def reopened(service: Service, quantity: int = 40, title: str = POT, maker: str = AKINYI) -> str:
    """The one who took it all cannot make it."""
    placed = briefed(service, quantity, title)
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session)
        hers = artisans.by_msisdn(shop, NYAMBURA)
        assert hers is not None
        orders.accept(shop, hers, placed["code"])
        orders.release(shop, hers, placed["code"])
    return str(placed["code"])


def reminded(service: Service, quantity: int = 1, title: str = POT, maker: str = AKINYI) -> str:
    """Nobody answers for a morning; then she promises a day, and it comes near."""
    placed = place_order(service, quantity, title=title)
    service.clock.advance(8 * 3600)
    with service.services.database.writing.begin() as session:
        deadlines.send_reminders(service.services.shop(session))
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session)
        hers = artisans.by_msisdn(shop, maker)
        assert hers is not None
        orders.accept(shop, hers, placed["code"], promised_on=shop.today + timedelta(days=2))
    service.work()
    service.clock.advance(24 * 3600)
    with service.services.database.writing.begin() as session:
        deadlines.send_reminders(service.services.shop(session))
    return str(placed["code"])


PLACED = [("order.placed", JOY), ("order.placed", AKINYI)]
LIVES: dict[Life, list[tuple[str, str]]] = {
    delivered: [
        *PLACED,
        ("order.accepted", JOY),
        ("order.at_kiosk", JOY),
        ("payout.paid", AKINYI),
        ("order.shipped", JOY),
        ("order.delivered", JOY),
    ],
    declined: [*PLACED, ("order.declined", JOY)],
    cancelled: [*PLACED, ("order.cancelled", JOY), ("order.cancelled", AKINYI)],
    expired: [*PLACED, ("order.expired", JOY)],
    made_by_many: [
        *PLACED,
        ("order.placed", NYAMBURA),
        ("order.accepted", JOY),
        ("order.goods_refused", AKINYI),
        ("payout.paid", AKINYI),
    ],
    reopened: [
        *PLACED,
        ("order.placed", NYAMBURA),
        ("order.accepted", JOY),
        ("order.reopened", JOY),
        ("order.reopened", AKINYI),
    ],
    reminded: [
        *PLACED,
        ("reminder.order", AKINYI),
        ("order.accepted", JOY),
        ("reminder.order", AKINYI),
    ],
}


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_every_event_is_told_to_whom_it_concerns(service: Service, life: Life) -> None:
    life(service)
    service.work()

    assert [(text.topic, text.msisdn) for text in notifications(service)] == LIVES[life]


def test_nothing_is_told_of_an_artisan_who_registers_or_a_ware_that_is_listed(service: Service) -> None:
    service.work()

    assert outgoing_messages(service) == []


def test_what_a_text_promises_to_carry_is_in_it(embedded: Service) -> None:
    code = delivered(embedded)
    embedded.work()
    said = {(text.topic, text.msisdn): text.text for text in notifications(embedded)}
    (payout,) = embedded.api("GET", "/payouts")["data"]

    offer = said["order.placed", AKINYI]
    assert f"YES {code}" in offer
    assert "KSh 3,240" in offer
    for fact in ("KSh 3,240", code, payout["provider_reference"]):
        assert fact in said["payout.paid", AKINYI]
    assert all(code in text for (_, whom), text in said.items() if whom == JOY)
    assert TRACKING in said["order.shipped", JOY]


# -- once


def test_following_again_tells_nothing_again(service: Service) -> None:
    delivered(service)
    service.work()
    told = outgoing_messages(service)

    assert [service.services.notification_consumer.consume() for _ in range(3)] == [0, 0, 0]
    assert [text.id for text in outgoing_messages(service)] == [text.id for text in told]


def test_a_follower_that_lost_its_place_tells_nothing_again_and_pays_nothing_again(service: Service) -> None:
    delivered(service)
    service.work()
    told = outgoing_messages(service)
    execute_sql(service, "UPDATE cursor SET position = 0")
    service.work()

    assert service.services.notification_consumer.consume() == 0
    assert [text.id for text in outgoing_messages(service)] == [text.id for text in told]
    assert service.events().count("payout.paid") == 1


def test_what_was_paid_for_no_order_is_not_said_to_be_for_one(embedded: Service) -> None:
    (maker,) = embedded.api("GET", "/artisans")["data"]
    money = {"amount": 500_00, "currency": "KES"}
    made = {"artisan_id": maker["id"], "amount": money, "provider_reference": "BANK-77"}
    paid = embedded.api("POST", "/payouts", made)
    said = f"Soko sent you KSh 500, payment {paid['code']}. Reference BANK-77. Still owed to you: KSh 0."
    assert embedded.inbox(AKINYI) == [said]


def test_two_followers_at_once_tell_everything_once(service: Service) -> None:
    delivered(service)
    execute_sql(service, "DELETE FROM outbox", "DELETE FROM message", "UPDATE cursor SET position = 0")
    taken = together(2, lambda _: service.services.notification_consumer.consume())

    assert sum(taken) == len(service.events())
    assert sorted((text.topic, text.msisdn) for text in notifications(service)) == sorted(LIVES[delivered])


def test_more_events_than_one_look_takes_are_followed_to_the_last(embedded: Service) -> None:
    for n in range(BATCH_SIZE):
        add_product(embedded, AKINYI, f"Pot number {n}")
    place_order(embedded)
    embedded.work()

    assert [(text.topic, text.msisdn) for text in notifications(embedded)] == PLACED


# -- in words


@pytest.mark.parametrize(
    ("chosen", "locale", "read"),
    [(None, "sw", "sw"), (None, "sw-KE", "sw"), (None, "de_DE", "en"), ("fr", "sw", "fr"), ("en", "sw", "en")],
)
def test_a_buyer_reads_what_she_chose_else_what_her_order_says_else_the_first(
    embedded: Service, chosen: str | None, locale: str, read: str
) -> None:
    if chosen:
        choose_language(embedded, chosen, JOY)
    place_order(embedded, locale=locale)
    embedded.work()

    assert [text.language for text in outgoing_messages(embedded, JOY)] == [read]


LONGEST = {
    "latin": ("Handwoven sisal market basket, very big", "Wilhelmina Nyokabi wa Kamau-Odhiambo III"),
    "ethiopic": ("ትልቅ የእጅ ሥራ ቅርጫት ከአዲስ አበባ ገበያ የመጣ ጥሩ ዕቃ ", "ወይዘሮ አለምጸሐይ ወልደገብርኤል ኃይለማርያም ተስፋዬ ከበደ"),
}


@pytest.mark.parametrize("script", LONGEST)
@pytest.mark.parametrize("language", locales.available())
def test_the_longest_titles_and_names_leave_every_text_whole_and_in_one_segment(
    embedded: Service, language: str, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # one payout with a longer amount than any real one, where the provider's limit would make 178 of them
    monkeypatch.setattr(due, "BY_PHONE", replace(due.BY_PHONE, most=100_000_000_00))
    title, name = (f"{said:.<40}"[:40] for said in LONGEST[script])
    maker, (kiosk,) = "+254711000777", embedded.api("GET", "/kiosks")["data"]
    add_artisan(embedded, maker, name, kiosk["id"], language=language)
    add_product(embedded, maker, title, price=500_000_00, quantity=1000)
    choose_language(embedded, language, maker, JOY)
    codes = [life(embedded, 99, title, maker) for life in LIVES]
    embedded.work()

    for text in notifications(embedded):
        assert text.segments == gsm7.segments(text.text).count == 1
        assert text.text.endswith((".", "።", TRACKING, *codes)), text.text
        assert any(code in text.text for code in codes), text.text
        assert language == "am" or text.encoding == "GSM-7", text.text
