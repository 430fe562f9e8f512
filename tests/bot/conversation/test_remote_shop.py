"""Conversations over a remote shop that fails: every caller gets an answer, and every command is performed once."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session, sessionmaker

from bot.db.unit_of_work import Database
from bot.marketplace.remote import RemoteMarketplace
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    NEW_PHONE,
    OTIENO,
    choose_language,
    crashing_process,
    execute_sql,
    order_status,
    outgoing_messages,
    place_order,
    products_titled,
    second_process,
)
from tests.bot.messaging.fakes import HangingProvider, hanging, queue_message
from tests.remote_marketplace import Fault, RemoteSetup, remote_setup
from tests.runs import some_of
from tests.service import Service

OUT_OF_REACH = "The shop cannot be reached just now. Please try again in a few minutes."
NOTED = "Noted. The shop cannot be reached just now. We do it when it is back, and text you what came of it."
FAULTS: list[Fault] = ["no_answer", "server_error", "other_site", "forbidden", "lost_answer"]

READING = ("PRODUCTS", "ORDERS", "MONEY", "STATEMENT", "YES", "NO", "READY")
WITHOUT_CODE = ("PRICE", "STOCK", "TITLE", "DESCRIBE", "REMOVE", "PHOTO")

every_fault = pytest.mark.parametrize("fault", some_of(FAULTS, least=2))
"""A usual run tries two of the faults, others with another seed: `test_remote.py` tries each on the client."""


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteSetup]:
    """A bot and its remote shop. Akinyi and Otieno have called before, so the bot has their profiles."""
    with remote_setup(tmp_path) as remote:
        choose_language(remote.bot, "en", AKINYI, OTIENO, JOY)
        for msisdn in (AKINYI, OTIENO):
            remote.bot.gateway.dial(msisdn)
        yield remote


def titles(shop: Service) -> list[str]:
    """The titles of the products in the order in which they were listed."""
    events = shop.api("GET", "/events?limit=100")["data"]
    return [event["data"]["title"] for event in events if event["type"] == "product.listed"]


def sell_by_text(bot: Service, title: str) -> None:
    """Akinyi lists a product by text."""
    for text in (f"SELL {title} 1500 x3", "1", "yes"):
        bot.gateway.text(AKINYI, text)


# -- the shop answers


def test_joining_selling_and_accepting_an_order_happen_in_the_remote_shop(remote: RemoteSetup) -> None:
    bot, shop = remote.bot, remote.shop
    bot.gateway.dial(NEW_PHONE)
    for answer in ("1", "1", "Amina", "1", "1", "1"):
        screen = bot.gateway.answer(NEW_PHONE, answer)
    assert screen.startswith("END Welcome to Soko, Amina!")
    for text in ("SELL kiondo basket 1500 x3", "1", "yes"):
        bot.gateway.text(NEW_PHONE, text)
    placed = place_order(shop, 2, title="kiondo basket")
    remote.later(seconds=1)
    assert f"Soko: new order {placed['code']}: 2 x kiondo basket." in bot.inbox(NEW_PHONE)[-1]
    bot.gateway.text(NEW_PHONE, f"YES {placed['code']}")
    remote.later(seconds=1)

    assert order_status(shop, placed) == "accepted"
    assert any(f"Amina makes your order {placed['code']}" in text for text in bot.inbox(JOY))
    assert products_titled(bot, "kiondo basket") == []


def test_an_upload_link_leads_to_the_remote_shop(remote: RemoteSetup) -> None:
    code = remote.shop.api("GET", "/products")["data"][0]["code"]
    for answer in ("2", "1", "4"):
        screen = remote.bot.gateway.answer(AKINYI, answer)
    assert screen.startswith("END We text you a link.")
    (text,) = remote.inbox(AKINYI)
    assert f"{remote.shop.settings.url}/p/{code}." in text


def test_artisans_have_their_pages_at_the_remote_shop_alone(remote: RemoteSetup) -> None:
    assert [service.http.get("/me").status_code for service in (remote.shop, remote.bot)] == [200, 404]


def test_a_shop_with_announce_off_notifies_nobody(remote: RemoteSetup) -> None:
    place_order(remote.shop)
    remote.later(seconds=1)

    assert remote.shop.inbox(AKINYI) == []
    assert len(remote.inbox(AKINYI)) == 1


def test_nobody_is_notified_of_events_from_before_the_bot_began(remote: RemoteSetup) -> None:
    first = place_order(remote.shop)
    execute_sql(remote.bot, "DELETE FROM cursor")
    remote.later(seconds=1)
    assert remote.inbox(JOY) == []
    second = place_order(remote.shop)
    remote.later(seconds=1)

    (text,) = remote.inbox(JOY)
    assert second["code"] in text
    assert first["code"] not in text


# -- the shop is unreachable: reading


@every_fault
def test_a_call_shows_the_menu_and_then_says_that_the_shop_is_unreachable(remote: RemoteSetup, fault: Fault) -> None:
    remote.proxy.fail(fault)

    assert remote.bot.gateway.dial(AKINYI).startswith("CON Soko: Akinyi Ouma\n1. Sell something")
    assert remote.bot.gateway.answer(AKINYI, "3") == f"END {OUT_OF_REACH}"


@every_fault
def test_a_text_is_answered_that_the_shop_is_unreachable(remote: RemoteSetup, fault: Fault) -> None:
    remote.proxy.fail(fault)
    remote.bot.gateway.text(AKINYI, "ORDERS")

    assert remote.inbox(AKINYI) == [OUT_OF_REACH]


def test_a_text_is_answered_while_the_shop_and_all_providers_hang(remote: RemoteSetup) -> None:
    for n in range(2):
        queue_message(remote.bot, f"+25473300100{n}", "hello")
    remote.proxy.fail("no_answer")
    with hanging(remote.bot, HangingProvider(remote.bot.clock), 0):
        assert remote.bot.gateway.text(AKINYI, "ORDERS") == 200

    (answer,) = outgoing_messages(remote.bot, AKINYI)
    assert (answer.text, answer.status) == (OUT_OF_REACH, "queued")


def test_the_answer_that_the_shop_is_unreachable_is_in_the_persons_language(remote: RemoteSetup) -> None:
    choose_language(remote.bot, "sw", AKINYI)
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(AKINYI, "MAAGIZO")

    assert remote.inbox(AKINYI)[-1].startswith("Duka halipatikani kwa sasa")


def test_a_call_that_ended_because_the_shop_was_unreachable_can_be_continued(remote: RemoteSetup) -> None:
    gateway = remote.bot.gateway
    for answer in ("2", "1", "1"):
        asked = gateway.answer(AKINYI, answer)
    remote.proxy.fail("server_error")
    assert gateway.answer(AKINYI, "0") == f"END {OUT_OF_REACH}"
    remote.proxy.fail("none")
    assert gateway.dial(AKINYI).startswith("CON Go on where you stopped?")

    assert gateway.answer(AKINYI, "1") == asked


def test_a_repeated_request_gets_the_same_screen_when_the_shop_is_back(remote: RemoteSetup) -> None:
    gateway = remote.bot.gateway
    remote.proxy.fail("server_error")
    first = gateway.answer(AKINYI, "3")
    remote.proxy.fail("none")

    assert gateway.repeat() == first == f"END {OUT_OF_REACH}"


def test_a_phone_without_a_profile_gets_no_menu_until_the_shop_is_back(remote: RemoteSetup) -> None:
    bot, (kiosk,) = remote.bot, remote.shop.api("GET", "/kiosks")["data"]
    remote.shop.api("PATCH", f"/kiosks/{kiosk['id']}", {"agent": {"name": "Grace", "phone": NEW_PHONE}})
    choose_language(bot, "en", NEW_PHONE)
    remote.proxy.fail("server_error")

    assert bot.gateway.dial(NEW_PHONE) == bot.gateway.dial(NEW_PHONE) == f"END {OUT_OF_REACH}"
    bot.gateway.text(NEW_PHONE, "MENU")
    assert remote.inbox(NEW_PHONE) == [OUT_OF_REACH]
    remote.proxy.fail("none")
    assert bot.gateway.dial(NEW_PHONE).startswith("CON Soko: Lakeside")


def test_stop_works_without_the_shop(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(NEW_PHONE, "STOP")

    assert remote.inbox(NEW_PHONE) == [
        "Soko: you will get no more texts, not even about orders or money, except security codes. "
        "To get them again, text START."
    ]


def test_after_one_request_without_an_answer_the_next_ones_fail_at_once(remote: RemoteSetup) -> None:
    remote.proxy.fail("no_answer")
    remote.bot.gateway.text(AKINYI, "ORDERS")
    asked = len(remote.proxy.requests)
    for _ in range(3):
        remote.bot.gateway.text(AKINYI, "ORDERS")
    assert len(remote.proxy.requests) == asked
    remote.bot.clock.advance(3)
    remote.proxy.fail("none")
    remote.bot.gateway.text(AKINYI, "ORDERS")

    assert remote.inbox(AKINYI)[-1] == "You have no open orders."


# -- the shop is unreachable: commands


@every_fault
def test_a_deferred_command_is_performed_once_and_its_outcome_sent(remote: RemoteSetup, fault: Fault) -> None:
    remote.proxy.fail(fault)
    sell_by_text(remote.bot, "kiondo basket")
    assert remote.inbox(AKINYI)[-1] == NOTED
    remote.bot.later(seconds=30)
    remote.bot.later(seconds=60)
    assert remote.inbox(AKINYI)[-1] == NOTED
    remote.proxy.fail("none")
    remote.bot.later(seconds=60)

    (product,) = products_titled(remote.shop, "kiondo basket")
    assert remote.inbox(AKINYI)[-1] == f"kiondo basket is on sale at KSh 1,500. Its code is {product['code']}."
    remote.bot.later(minutes=10)
    assert len(products_titled(remote.shop, "kiondo basket")) == 1
    assert len(remote.inbox(AKINYI)) == 4


@pytest.mark.parametrize(
    ("texts", "outcome"),
    [
        (["PRICE {product} 1500", "YES"], "Clay water pot, code {product}, now costs KSh 1,500."),
        (["STOCK {product} 7"], "You have 7 x Clay water pot on sale. Code {product}."),
        (["REMOVE {product}", "YES"], "{product} is removed from the shop."),
        (["TITLE {product} Big pot"], "{product} is called Big pot now."),
        (["DESCRIBE {product} Fired clay, 2 litres"], "The shop shows your description of Clay water pot"),
        (["PRICE {product}", "1500", "YES"], "Clay water pot, code {product}, now costs KSh 1,500."),
        (["STOCK {product}", "7"], "You have 7 x Clay water pot on sale. Code {product}."),
        (["TITLE {product}", "Big pot"], "{product} is called Big pot now."),
        (["DESCRIBE {product}", "Fired clay, 2 litres"], "The shop shows your description of Clay water pot"),
        (["PHOTO {product}"], "To send a photo of Clay water pot, open this link: "),
        (["PRICE K9K9 1500", "YES"], "K9K9 is not on sale any more."),
        (["PHOTO K9K9"], "K9K9 is not on sale any more."),
    ],
)
def test_a_text_of_an_artisan_that_names_a_product_is_noted(
    remote: RemoteSetup, texts: list[str], outcome: str
) -> None:
    """A price that cannot be compared with the present one is asked back, as is REMOVE."""
    product = remote.shop.api("GET", "/products")["data"][0]["code"]
    remote.proxy.fail("server_error")
    for text in texts:
        assert NOTED not in remote.inbox(AKINYI)
        remote.bot.gateway.text(AKINYI, text.format(product=product))
    assert remote.inbox(AKINYI)[-1] == NOTED
    remote.proxy.fail("none")
    remote.bot.later(seconds=60)

    assert len(remote.inbox(AKINYI)) == len(texts) + 1
    assert remote.inbox(AKINYI)[-1].startswith(outcome.format(product=product))


@pytest.mark.parametrize("separator", [" ", "\n"], ids=["with its code", "then its code"])
@pytest.mark.parametrize(
    ("keyword", "status", "outcome"),
    [
        ("DROP", "cancelled", "You cancelled order {order}."),
        ("RECEIVED", "placed", "Nothing to confirm. Order {order}: waiting for the artisan."),
    ],
)
def test_a_text_of_a_buyer_that_names_an_order_is_noted(
    remote: RemoteSetup, separator: str, keyword: str, status: str, outcome: str
) -> None:
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    remote.bot.gateway.text(JOY, "MENU")
    remote.proxy.fail("server_error")
    for text in f"{keyword}{separator}{placed['code']}".split("\n"):
        remote.bot.gateway.text(JOY, text)
    assert remote.inbox(JOY)[-1] == NOTED
    remote.proxy.fail("none")
    remote.bot.later(seconds=60)

    assert order_status(remote.shop, placed) == status
    assert any(text.startswith(outcome.format(order=placed["code"])) for text in remote.inbox(JOY))


@pytest.mark.parametrize(
    ("msisdn", "texts"),
    [
        *((AKINYI, [keyword]) for keyword in READING),
        *((AKINYI, [keyword]) for keyword in WITHOUT_CODE),
        (JOY, ["TRACK {order}"]),
        (JOY, ["TRACK", "{order}"]),
        (JOY, ["{order}"]),
        (OTIENO, ["MENU", "1", "{order}"]),
        (OTIENO, ["MENU", "3"]),
        (OTIENO, ["MENU", "4"]),
        (OTIENO, ["MENU", "5", "2", AKINYI]),
    ],
)
def test_what_reads_the_shop_is_answered_that_it_is_unreachable(
    remote: RemoteSetup, msisdn: str, texts: list[str]
) -> None:
    """So is what needs somebody who waits at the kiosk, such as receiving goods."""
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    for phone in (JOY, OTIENO):
        remote.bot.gateway.text(phone, "MENU")
    remote.proxy.fail("server_error")
    for text in texts:
        remote.bot.gateway.text(msisdn, text.format(order=placed["code"]))

    assert remote.inbox(msisdn)[-1] == OUT_OF_REACH
    assert remote.commands() == 0


@pytest.mark.parametrize("msisdn", [AKINYI, NEW_PHONE])
def test_a_bot_that_starts_while_the_shop_is_unreachable_knows_its_crafts_and_kiosks(
    remote: RemoteSetup, msisdn: str
) -> None:
    bot, shop = remote.bot, remote.bot.services.marketplace
    assert isinstance(shop, RemoteMarketplace)
    remote.proxy.fail("server_error")
    restarted = second_process(bot, marketplace=RemoteMarketplace(shop.client, bot.services.database))
    said = {AKINYI: ("SELL kiondo basket 1500 x3", "1", "yes"), NEW_PHONE: ("JOIN Amina", "1", "1", "1")}
    for text in said[msisdn]:
        restarted.text(msisdn, text)
    assert remote.inbox(msisdn)[-1] == NOTED
    remote.proxy.fail("none")
    remote.bot.later(seconds=60)

    done = ("kiondo basket is on sale", "Welcome to Soko, Amina!")
    assert any(text.startswith(done) for text in remote.inbox(msisdn)[-2:])  # the last may be about privacy


def test_a_phone_that_the_shop_has_not_identified_may_join(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    for text in ("JOIN Amina", "1", "1", "1"):
        remote.bot.gateway.text(NEW_PHONE, text)
    assert remote.inbox(NEW_PHONE)[-1] == NOTED
    remote.proxy.fail("none")
    remote.bot.later(seconds=60)

    welcome, privacy = remote.inbox(NEW_PHONE)[-2:]
    assert welcome.startswith("Welcome to Soko, Amina!")
    assert privacy.startswith("Soko keeps your name")
    assert "Amina" in [artisan["name"] for artisan in remote.shop.api("GET", "/artisans")["data"]]
    remote.bot.gateway.text(NEW_PHONE, "MENU")
    assert "Sell something" in remote.inbox(NEW_PHONE)[-1]


@pytest.mark.parametrize("fault", ["server_error", "lost_answer"])
def test_deferred_commands_work_over_postgresql_and_redis(
    tmp_path: Path, migrated_postgres_url: str, redis_url: str, fault: Fault
) -> None:
    with remote_setup(tmp_path, database_url=migrated_postgres_url, redis_url=redis_url) as remote:
        choose_language(remote.bot, "en", AKINYI)
        remote.bot.gateway.dial(AKINYI)
        remote.proxy.fail(fault)
        sell_by_text(remote.bot, "first basket")
        sell_by_text(remote.bot, "second basket")
        assert remote.inbox(AKINYI)[-1] == NOTED
        remote.proxy.fail("none")
        remote.bot.later(minutes=1)

        assert titles(remote.shop) == ["Clay water pot", "first basket", "second basket"]
        assert remote.inbox(AKINYI)[-1].startswith("second basket is on sale")


def test_the_outcome_of_a_command_deferred_on_a_call_is_sent_by_text(remote: RemoteSetup) -> None:
    gateway = remote.bot.gateway
    remote.proxy.fail("lost_answer")
    for answer in ("1", "Basket 3*4", "1", "1500", "2", "1"):
        screen = gateway.answer(AKINYI, answer)
    assert screen == f"END {NOTED}"
    assert gateway.repeat() == screen
    remote.proxy.fail("none")
    remote.bot.later(seconds=5)

    assert titles(remote.shop) == ["Clay water pot", "Basket 3*4"]
    assert remote.inbox(AKINYI)[-1].startswith("Basket 3*4 is on sale")


def test_the_commands_of_one_person_are_performed_in_order(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    sell_by_text(remote.bot, "first basket")
    sell_by_text(remote.bot, "second basket")
    remote.proxy.fail("none")
    sell_by_text(remote.bot, "third basket")
    assert titles(remote.shop) == ["Clay water pot"]
    remote.bot.later(minutes=1)

    assert titles(remote.shop) == ["Clay water pot", "first basket", "second basket", "third basket"]
    confirmations = [text for text in remote.inbox(AKINYI) if "is on sale" in text]
    assert [text.split(" is")[0] for text in confirmations] == ["first basket", "second basket", "third basket"]


def test_the_commands_of_another_person_do_not_wait(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    sell_by_text(remote.bot, "first basket")
    remote.proxy.fail("none")
    remote.bot.gateway.text(JOY, "CALL")

    assert [waiting["phone"] for waiting in remote.shop.api("GET", "/help-requests")["data"]] == [JOY]


@every_fault
def test_a_refusal_of_a_deferred_command_is_sent_with_its_reason(remote: RemoteSetup, fault: Fault) -> None:
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    remote.proxy.fail("server_error" if fault == "lost_answer" else fault)
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    assert remote.inbox(AKINYI)[-1] == NOTED
    remote.shop.api("POST", f"/orders/{placed['id']}/cancel")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert f"Order {placed['code']}: the buyer cancelled it." in remote.inbox(AKINYI)
    assert order_status(remote.shop, placed) == "cancelled"


@pytest.mark.parametrize(
    ("language", "asked"),
    [
        ("en", "Soko: order {code}: how many of 40 can you make? Reply YES {code} and how many."),
        ("sw", "Soko: oda {code}: unaweza kutengeneza ngapi kati ya 40? Jibu YES {code} na idadi."),
    ],
)
def test_a_deferred_yes_to_a_bulk_order_asks_how_many(remote: RemoteSetup, language: str, asked: str) -> None:
    price = {"amount": 1000_00, "currency": "KES"}
    brief = {"title": "Water pot", "category": "pottery", "unit_price": price, "quantity": 40, "due_on": "2026-12-20"}
    placed = remote.shop.brief(brief, JOY)
    choose_language(remote.bot, language, AKINYI)
    remote.later(seconds=1)
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)
    assert remote.inbox(AKINYI)[-1] == asked.format(code=placed["code"])
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']} 5")
    remote.bot.later(seconds=30)

    (part,) = remote.shop.api("GET", f"/orders/{placed['id']}")["assignments"]
    assert (part["status"], part["quantity"]) == ("accepted", 5)


def test_a_command_whose_answer_was_lost_is_not_rejected_as_a_repetition(remote: RemoteSetup) -> None:
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    remote.proxy.fail("lost_answer")
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert order_status(remote.shop, placed) == "accepted"
    assert remote.inbox(AKINYI)[-1].startswith(f"Order {placed['code']} is yours: 1 x Clay water pot.")


def test_the_outcome_of_a_deferred_command_is_sent_even_after_stop(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    sell_by_text(remote.bot, "first basket")
    remote.bot.gateway.text(AKINYI, "STOP")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert remote.inbox(AKINYI)[-1].startswith("first basket is on sale")


def test_a_language_is_changed_at_once_and_in_the_shop_later(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(AKINYI, "LANG")
    remote.bot.gateway.text(AKINYI, "Kiswahili")
    assert "Soko: Akinyi Ouma\n1. Uza" in remote.inbox(AKINYI)[-1]
    received = len(remote.inbox(AKINYI))
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    (artisan,) = remote.shop.api("GET", "/artisans")["data"]
    assert artisan["language"] == "sw"
    assert len(remote.inbox(AKINYI)) == received


def test_a_pin_is_checked_without_the_shop(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    for answer in ("5", "4", "2468"):
        screen = remote.bot.gateway.answer(AKINYI, answer)
    assert screen.startswith("CON How do you want to be paid?")
    assert remote.bot.gateway.answer(AKINYI, "3") == f"END {NOTED}"
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    (artisan,) = remote.shop.api("GET", "/artisans")["data"]
    assert artisan["payout"]["method"] == "kiosk_cash"
    assert "Changed. We text you how you are paid from now on." in remote.inbox(AKINYI)


def test_a_search_for_cash_is_not_deferred(remote: RemoteSetup) -> None:
    remote.proxy.fail("lost_answer")
    for answer in ("2", "135791"):
        screen = remote.bot.gateway.answer(OTIENO, answer)
    assert screen == f"END {OUT_OF_REACH}"
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)
    gateway = remote.bot.gateway
    assert gateway.dial(OTIENO).startswith("CON Go on where you stopped?")
    gateway.answer(OTIENO, "1")

    assert gateway.answer(OTIENO, "246802").startswith("END No cash waits here for that code.")
    assert remote.inbox(OTIENO) == []


# -- crashes


def test_a_crash_after_the_shop_performed_a_command_does_not_repeat_it(remote: RemoteSetup) -> None:
    bot = remote.bot
    for text in ("SELL kiondo basket 1500 x3", "1"):
        bot.gateway.text(AKINYI, text)
    assert crashing_process(bot).text(AKINYI, "yes", id="sms-yes") == 500
    bot.gateway.text(AKINYI, "yes", id="sms-yes")

    assert titles(remote.shop) == ["Clay water pot", "kiondo basket"]
    assert remote.inbox(AKINYI)[-1].startswith("kiondo basket is on sale")


def test_a_crash_before_the_outcome_was_stored_does_not_repeat_the_command(remote: RemoteSetup) -> None:
    """Of the two short transactions around the request to the shop, the first is committed and the second fails."""
    database = remote.bot.services.database
    crashing = second_process(
        remote.bot, database=Database(database.reading, cast("Any", FailingWrites(database.writing, after=1)))
    )
    call, code = ("ATUid_dying", AKINYI), remote.bot.settings.ussd_code
    typed = ["1", "kiondo basket", "1", "1500", "2"]
    for n in range(len(typed) + 1):
        remote.bot.gateway.post_ussd(*call, code, "*".join(typed[:n]))
    cumulative = "*".join([*typed, "1"])
    assert crashing.post_ussd(*call, code, cumulative).startswith("END Sorry")
    assert titles(remote.shop) == ["Clay water pot", "kiondo basket"]

    assert remote.bot.gateway.post_ussd(*call, code, cumulative).startswith("END kiondo basket is on sale")
    assert titles(remote.shop) == ["Clay water pot", "kiondo basket"]


class FailingWrites:
    """Write sessions of which all after the first `after` fail."""

    def __init__(self, writing: sessionmaker[Session], after: int) -> None:
        self._writing, self._left = writing, after

    def begin(self) -> AbstractContextManager[Session]:
        self._left -= 1
        if self._left < 0:
            raise ConnectionError("died before writing")
        return self._writing.begin()


def test_no_lock_is_held_during_a_request_to_the_shop(remote: RemoteSetup, tmp_path: Path) -> None:
    """During each request another connection takes the only write lock of SQLite, which fails if the hop holds it."""
    locks: list[str] = []

    def write() -> None:
        with closing(sqlite3.connect(tmp_path / "bot" / "soko.db", timeout=1, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                locks.append("free")
            except sqlite3.OperationalError as error:
                locks.append(str(error))

    remote.proxy.on_request = write
    remote.bot.gateway.dial(AKINYI)
    sell_by_text(remote.bot, "kiondo basket")
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    remote.proxy.fail("server_error")
    sell_by_text(remote.bot, "second basket")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert set(locks) == {"free"}
    assert titles(remote.shop)[-1] == "second basket"


def test_no_phone_number_is_logged(remote: RemoteSetup, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for fault in FAULTS:
        remote.proxy.fail(fault)
        sell_by_text(remote.bot, f"{fault} basket")
        remote.bot.later(minutes=1)

    assert "711000103" not in caplog.text
    assert "does not answer" in caplog.text
