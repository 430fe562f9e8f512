"""Notifications: each event is sent once to the people it concerns, in one segment and in the recipient's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

import locales
from bot.marketplace.event_consumer import BATCH_SIZE
from flows import gsm7
from marketplace_api.accounts import artisans
from marketplace_api.orders import closing, deadlines, orders, receiving
from marketplace_api.payments import due
from tests.actors import TESTER
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    OTIENO,
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
from tests.runs import some_of
from tests.service import Service
from tests.threads import together

CARRIER, TRACKING = "Posta Kenya Express", "RB123456785KE"
OrderCase = Callable[..., str]
"""Leads a new order through some events; returns the order's code."""


def delivered(service: Service, quantity: int = 2, title: str = POT, artisan: str = AKINYI) -> str:
    """An order from its placing to its delivery."""
    made = received_order(service, quantity, title=title, artisan=artisan)
    service.work()
    service.api("POST", f"/orders/{made['id']}/ship", {"carrier": CARRIER, "tracking": TRACKING})
    service.api("POST", f"/orders/{made['id']}/deliver")
    return str(made["code"])


def declined(service: Service, quantity: int = 1, title: str = POT, artisan: str = AKINYI) -> str:
    placed = place_order(service, quantity, title=title)
    service.gateway.text(artisan, f"NO {placed['code']}")
    return str(placed["code"])


def cancelled(service: Service, quantity: int = 1, title: str = POT, artisan: str = AKINYI) -> str:
    placed = place_order(service, quantity, title=title)
    service.api("POST", f"/orders/{placed['id']}/cancel")
    return str(placed["code"])


def expired(service: Service, quantity: int = 1, title: str = POT, artisan: str = AKINYI) -> str:
    placed = place_order(service, quantity, title=title)
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        orders.expire(shop, orders.by_id(shop, placed["id"]))
    return str(placed["code"])


NYAMBURA = "+254711000888"
"""Another artisan, of the same craft and kiosk."""


def briefed(service: Service, quantity: int = 40, title: str = POT, artisan: str = AKINYI) -> dict[str, Any]:
    """A bulk order that is offered to two artisans; as the API returns it."""
    (kiosk,) = service.api("GET", "/kiosks")["data"]
    if NYAMBURA not in {known["phone"] for known in service.api("GET", "/artisans")["data"]}:
        service.clock.advance(60)  # offers go out in the order of registration
        add_artisan(service, NYAMBURA, "Nyambura", kiosk["id"])
    price = {"amount": 1000_00, "currency": "KES"}
    brief = {"title": title, "category": "pottery", "unit_price": price, "quantity": quantity, "due_on": "2026-12-20"}
    return service.brief(brief, JOY)


def made_by_many(service: Service, quantity: int = 40, title: str = POT, artisan: str = AKINYI) -> str:
    """Two artisans take a part each; some of the goods are refused at the kiosk."""
    placed = briefed(service, quantity, title)
    service.work()
    service.gateway.text(artisan, f"YES {placed['code']} {quantity - 1}")
    service.gateway.text(NYAMBURA, f"YES {placed['code']} ALL")
    service.work()
    receive(service, placed, quantity - 3, refused=2, reason="different")
    return str(placed["code"])


def made_in_part(service: Service, quantity: int = 4, title: str = POT, artisan: str = AKINYI) -> str:
    """The artisan accepts all but one piece, brings one and later some of the others."""
    placed = place_order(service, quantity, title=title)
    service.gateway.text(artisan, f"YES {placed['code']} {quantity - 1} 5")
    service.work()
    receive(service, placed, 1, follows=True)
    service.work()
    service.clock.advance(3600)
    receive(service, placed, quantity - 3)
    return str(placed["code"])


def receive(service: Service, placed: Any, count: int, **details: Any) -> None:
    """The kiosk receives `count` pieces of the order's first part that is not received yet."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        part = next(part for part in orders.by_id(shop, placed["id"]).assignments if part.status == "accepted")
        receiving.receive(shop, part.kiosk, part.id, count, **details)


def reopened(service: Service, quantity: int = 40, title: str = POT, artisan: str = AKINYI) -> str:
    """The artisan who accepted all of it releases it."""
    placed = briefed(service, quantity, title)
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        row = artisans.by_msisdn(shop, NYAMBURA)
        assert row is not None
        orders.accept(shop, row, placed["code"])
        orders.release(shop, row, placed["code"])
    return str(placed["code"])


def reminded(service: Service, quantity: int = 1, title: str = POT, artisan: str = AKINYI) -> str:
    """The artisan gets two reminders: after eight hours without an answer, and one day before the promised day."""
    placed = place_order(service, quantity, title=title)
    service.clock.advance(8 * 3600)
    with service.services.database.writing.begin() as session:
        deadlines.send_reminders(service.services.shop(session, TESTER))
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        row = artisans.by_msisdn(shop, artisan)
        assert row is not None
        orders.accept(shop, row, placed["code"], promised_on=shop.today + timedelta(days=2))
    service.work()
    service.clock.advance(24 * 3600)
    with service.services.database.writing.begin() as session:
        deadlines.send_reminders(service.services.shop(session, TESTER))
    return str(placed["code"])


def left_at_kiosk(service: Service, quantity: int = 2, title: str = POT, artisan: str = AKINYI) -> str:
    """The goods lie at the kiosk until its agent is reminded."""
    made = received_order(service, quantity, title=title, artisan=artisan)
    service.work()
    service.clock.advance(28 * 24 * 3600)
    with service.services.database.writing.begin() as session:
        closing.remind_to_ship(service.services.shop(session, TESTER))
    return str(made["code"])


PLACED = [("order.placed", JOY), ("order.placed", AKINYI)]
ORDER_CASES: dict[OrderCase, list[tuple[str, str]]] = {
    delivered: [
        *PLACED,
        ("order.accepted", JOY),
        ("order.at_kiosk", JOY),
        ("order.at_kiosk", AKINYI),
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
        ("order.part_received", AKINYI),
        ("order.reduced", JOY),
        ("order.goods_refused", AKINYI),
        ("payout.held", AKINYI),  # it is large
    ],
    made_in_part: [
        *PLACED,
        ("order.accepted", JOY),
        ("order.part_received", AKINYI),
        ("payout.paid", AKINYI),
        ("order.at_kiosk", JOY),
        ("order.at_kiosk", AKINYI),
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
    left_at_kiosk: [
        *PLACED,
        ("order.accepted", JOY),
        ("order.at_kiosk", JOY),
        ("order.at_kiosk", AKINYI),
        ("payout.paid", AKINYI),
        ("reminder.order", OTIENO),
    ],
}


@pytest.mark.parametrize("order_case", ORDER_CASES, ids=lambda order_case: order_case.__name__)
def test_each_event_is_sent_to_the_people_it_concerns(service: Service, order_case: OrderCase) -> None:
    order_case(service)
    service.work()

    assert [(text.topic, text.msisdn) for text in notifications(service)] == ORDER_CASES[order_case]


def test_a_registration_and_a_listed_product_notify_nobody(service: Service) -> None:
    service.work()

    assert outgoing_messages(service) == []


def test_messages_carry_the_facts_that_the_contract_promises(embedded: Service) -> None:
    code = delivered(embedded)
    embedded.work()
    texts = {(text.topic, text.msisdn): text.text for text in notifications(embedded)}
    (payout,) = embedded.api("GET", "/payouts")["data"]

    offer = texts["order.placed", AKINYI]
    assert f"YES {code}" in offer
    assert "KSh 3,240" in offer
    for fact in ("KSh 3,240", code, payout["provider_reference"]):
        assert fact in texts["payout.paid", AKINYI]
    assert all(code in text for (_, whom), text in texts.items() if whom == JOY)
    assert TRACKING in texts["order.shipped", JOY]


def texts_to(service: Service, msisdn: str, topic: str) -> list[str]:
    """The notifications of a topic to a phone, oldest first."""
    return [text.text for text in notifications(service) if (text.topic, text.msisdn) == (topic, msisdn)]


def test_an_artisan_reads_how_many_came_and_what_is_owed_for_them(embedded: Service) -> None:
    code = made_in_part(embedded)
    embedded.work()

    told = texts_to(embedded, AKINYI, "order.part_received") + texts_to(embedded, AKINYI, "order.at_kiosk")
    assert (
        told
        == [f"Soko: order {code}: the kiosk received 1 x {POT}. You are owed KSh 1,620. Not right? Reply CALL."] * 2
    )


def test_a_buyer_reads_each_change_of_the_pieces_and_the_total(embedded: Service) -> None:
    code = made_in_part(embedded)
    embedded.work()

    (accepted,) = texts_to(embedded, JOY, "order.accepted")
    (brought,) = texts_to(embedded, JOY, "order.at_kiosk")
    assert f"3 of 4 x {POT} for your order {code} by 28 Nov. The total is now KSh 5,400." in accepted
    assert brought == f"Soko: your order {code} is at the kiosk: 2 of 4 x {POT}. The total is now KSh 3,600."


def test_a_buyer_reads_that_one_of_several_artisans_brings_fewer_or_none(embedded: Service) -> None:
    placed = briefed(embedded)
    embedded.gateway.text(AKINYI, f"YES {placed['code']} 30")
    embedded.gateway.text(NYAMBURA, f"YES {placed['code']} 10")
    receive(embedded, placed, 28)
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        row = artisans.by_msisdn(shop, NYAMBURA)
        assert row is not None
        orders.release(shop, row, placed["code"])
    embedded.work()

    told = texts_to(embedded, JOY, "order.reduced") + texts_to(embedded, JOY, "order.at_kiosk")
    assert told == [
        f"Soko: your order {placed['code']} has become smaller: 38 of 40 x {POT}. The total is now KSh 38,000.",
        f"Soko: your order {placed['code']} is at the kiosk: 28 of 40 x {POT}. The total is now KSh 28,000.",
    ]


def test_a_buyer_who_confirms_or_cancels_by_text_is_answered_by_one_text(embedded: Service) -> None:
    dropped, shipped = place_order(embedded), received_order(embedded)
    embedded.api("POST", f"/orders/{shipped['id']}/ship", {"carrier": CARRIER, "tracking": TRACKING})
    embedded.work()
    before = len(embedded.received(JOY))
    embedded.gateway.text(JOY, f"DROP {dropped['code']}")
    embedded.gateway.text(JOY, f"RECEIVED {shipped['code']}")

    assert embedded.inbox(JOY)[before:] == [
        f"You cancelled order {dropped['code']}. If you paid for it, ask where you ordered.",
        f"Thank you! We noted that order {shipped['code']} has come.",
    ]
    assert texts_to(embedded, AKINYI, "order.cancelled") != []


def test_no_text_promises_money_that_soko_does_not_hold(embedded: Service) -> None:
    for order_case in (declined, cancelled, expired):
        order_case(embedded)
    embedded.work()

    ended = [text.text for text in notifications(embedded) if text.msisdn == JOY and text.topic != "order.placed"]
    assert len(ended) == 3
    assert all("If you paid for it, ask where you ordered." in text for text in ended)


# -- each event once


def test_consuming_again_sends_nothing_again(service: Service) -> None:
    delivered(service)
    service.work()
    sent = outgoing_messages(service)

    assert [service.services.notification_consumer.consume() for _ in range(3)] == [0, 0, 0]
    assert [text.id for text in outgoing_messages(service)] == [text.id for text in sent]


@pytest.mark.every_store
def test_a_consumer_that_lost_its_position_sends_nothing_and_pays_nothing_again(service: Service) -> None:
    delivered(service)
    service.work()
    sent = outgoing_messages(service)
    execute_sql(service, "UPDATE cursor SET position = 0")
    service.work()

    assert service.services.notification_consumer.consume() == 0
    assert [text.id for text in outgoing_messages(service)] == [text.id for text in sent]
    assert service.events().count("payout.paid") == 1


def test_a_payout_without_an_order_is_named_by_its_own_code(embedded: Service) -> None:
    (artisan,) = embedded.api("GET", "/artisans")["data"]
    money = {"amount": 500_00, "currency": "KES"}
    made = {"artisan_id": artisan["id"], "amount": money, "provider_reference": "BANK-77"}
    paid = embedded.api("POST", "/payouts", made)
    expected = f"Soko sent you KSh 500, payment {paid['code']}. Receipt BANK-77."
    assert embedded.inbox(AKINYI) == [expected]


@pytest.mark.every_store
def test_two_consumers_at_once_send_every_message_once(service: Service) -> None:
    delivered(service)
    execute_sql(service, "DELETE FROM outbox", "DELETE FROM message", "UPDATE cursor SET position = 0")
    taken = together(2, lambda _: service.services.notification_consumer.consume())

    assert sum(taken) == len(service.events())
    assert sorted((text.topic, text.msisdn) for text in notifications(service)) == sorted(ORDER_CASES[delivered])


def test_more_events_than_one_batch_are_all_consumed(embedded: Service) -> None:
    for n in range(BATCH_SIZE - 1):
        add_product(embedded, AKINYI, f"Pot number {n}")
    place_order(embedded)
    embedded.work()

    assert [(text.topic, text.msisdn) for text in notifications(embedded)] == PLACED


# -- words


@pytest.mark.parametrize(
    ("chosen", "locale", "read"),
    [(None, "sw", "sw"), (None, "sw-KE", "sw"), (None, "de_DE", "en"), ("fr", "sw", "fr"), ("en", "sw", "en")],
)
def test_a_buyer_gets_messages_in_the_chosen_language_else_that_of_the_order_else_the_first(
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


@pytest.mark.parametrize(("language", "script"), some_of(product(locales.available(), LONGEST)))
def test_with_the_longest_titles_and_names_every_message_is_complete_and_has_one_segment(
    embedded: Service, language: str, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # one payout with a longer amount than any real one: the limit of the provider would split it into 178
    monkeypatch.setattr(due, "BY_PHONE", replace(due.BY_PHONE, most=100_000_000_00))
    title, name = (f"{said:.<40}"[:40] for said in LONGEST[script])
    artisan, (kiosk,) = "+254711000777", embedded.api("GET", "/kiosks")["data"]
    add_artisan(embedded, artisan, name, kiosk["id"], language=language)
    add_product(embedded, artisan, title, price=500_000_00, quantity=1000)
    choose_language(embedded, language, artisan, JOY, OTIENO)
    codes = [order_case(embedded, 99, title, artisan) for order_case in ORDER_CASES]
    embedded.work()

    for text in notifications(embedded):
        assert text.segments == gsm7.segments(text.text).count == 1
        assert text.text.endswith((".", "።", TRACKING, *codes)), text.text
        assert any(code in text.text for code in codes), text.text
        assert language == "am" or text.encoding == "GSM-7", text.text
