"""A marketplace elsewhere, out of reach now and then: nobody is left without an answer, and nothing is done twice."""

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
from tests.bot.test_delivery import Hanging, delivering, say
from tests.remote_marketplace import Fault, RemoteSetup, remote_setup
from tests.service import Service

OUT_OF_REACH = "The shop cannot be reached just now. Please try again in a few minutes."
NOTED = "Noted. The shop cannot be reached just now: we do it as soon as it can, and text you what came of it."
FAULTS: list[Fault] = ["no_answer", "server_error", "other_site", "forbidden", "lost_answer"]

every_fault = pytest.mark.parametrize("fault", FAULTS)


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteSetup]:
    """Akinyi and Otieno have called before, so the bot knows who they are."""
    with remote_setup(tmp_path) as remote:
        choose_language(remote.bot, "en", AKINYI, OTIENO, JOY)
        for msisdn in (AKINYI, OTIENO):
            remote.bot.gateway.dial(msisdn)
        yield remote


def titles(shop: Service) -> list[str]:
    """What was put on sale, in the order in which it was."""
    events = shop.api("GET", "/events?limit=100")["data"]
    return [event["data"]["title"] for event in events if event["type"] == "product.listed"]


def sells(bot: Service, title: str) -> None:
    """By text, to the end; what she is answered lies in her inbox."""
    for text in (f"SELL {title} 1500 x3", "1", "yes"):
        bot.gateway.text(AKINYI, text)


# -- within reach


def test_who_joins_sells_and_answers_an_order_does_so_in_the_shop(remote: RemoteSetup) -> None:
    bot, shop = remote.bot, remote.shop
    bot.gateway.dial(NEW_PHONE)
    for answer in ("1", "1", "Amina", "1", "1", "1"):
        screen = bot.gateway.answer(NEW_PHONE, answer)
    assert screen.startswith("END Welcome to Soko, Amina!")
    for text in ("SELL kiondo basket 1500 x3", "1", "yes"):
        bot.gateway.text(NEW_PHONE, text)
    placed = place_order(shop, 2, title="kiondo basket")
    remote.later(seconds=1)
    assert f"New order {placed['code']}: 2 x kiondo basket." in bot.inbox(NEW_PHONE)[-1]
    bot.gateway.text(NEW_PHONE, f"YES {placed['code']}")
    remote.later(seconds=1)

    assert order_status(shop, placed) == "accepted"
    assert any(f"Amina makes your order {placed['code']}" in text for text in bot.inbox(JOY))
    assert products_titled(bot, "kiondo basket") == []


def test_a_link_for_pictures_is_the_shops(remote: RemoteSetup) -> None:
    code = remote.shop.api("GET", "/products")["data"][0]["code"]
    for answer in ("2", "1", "4"):
        screen = remote.bot.gateway.answer(AKINYI, answer)
    assert screen.startswith("END We text you a link.")
    (said,) = remote.inbox(AKINYI)
    assert f"{remote.shop.settings.url}/p/{code}." in said
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(AKINYI, f"PHOTO {code}")

    assert remote.inbox(AKINYI)[-1] == OUT_OF_REACH


def test_the_shop_itself_tells_nobody_where_it_is_told_not_to(remote: RemoteSetup) -> None:
    place_order(remote.shop)
    remote.later(seconds=1)

    assert remote.shop.inbox(AKINYI) == []
    assert len(remote.inbox(AKINYI)) == 1


def test_what_happened_before_a_bot_came_is_not_told_by_it(remote: RemoteSetup) -> None:
    first = place_order(remote.shop)
    execute_sql(remote.bot, "DELETE FROM cursor")
    remote.later(seconds=1)
    assert remote.inbox(JOY) == []
    second = place_order(remote.shop)
    remote.later(seconds=1)

    (told,) = remote.inbox(JOY)
    assert second["code"] in told
    assert first["code"] not in told


# -- out of reach: what only reads


@every_fault
def test_a_call_is_answered_with_the_menu_and_then_with_words(remote: RemoteSetup, fault: Fault) -> None:
    remote.proxy.fail(fault)

    assert remote.bot.gateway.dial(AKINYI).startswith("CON Soko: Akinyi Ouma\n1. Sell something")
    assert remote.bot.gateway.answer(AKINYI, "3") == f"END {OUT_OF_REACH}"


@every_fault
def test_a_text_is_answered_with_words(remote: RemoteSetup, fault: Fault) -> None:
    remote.proxy.fail(fault)
    remote.bot.gateway.text(AKINYI, "ORDERS")

    assert remote.inbox(AKINYI) == [OUT_OF_REACH]


def test_a_text_is_answered_while_the_shop_and_every_provider_hang(
    remote: RemoteSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(2):
        say(remote.bot, f"+25473300100{n}", "hello")
    remote.proxy.fail("no_answer")
    with delivering(remote.bot, Hanging(remote.bot.clock), 0, monkeypatch):
        assert remote.bot.gateway.text(AKINYI, "ORDERS") == 200

    (answer,) = outgoing_messages(remote.bot, AKINYI)
    assert (answer.text, answer.status) == (OUT_OF_REACH, "queued")


def test_the_words_are_in_her_language(remote: RemoteSetup) -> None:
    choose_language(remote.bot, "sw", AKINYI)
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(AKINYI, "MAAGIZO")

    assert remote.inbox(AKINYI)[-1].startswith("Duka halipatikani kwa sasa")


def test_a_call_that_was_put_off_goes_on_where_it_was(remote: RemoteSetup) -> None:
    gateway = remote.bot.gateway
    gateway.answer(AKINYI, "2")
    asked = gateway.answer(AKINYI, "1")
    remote.proxy.fail("server_error")
    assert gateway.answer(AKINYI, "1") == f"END {OUT_OF_REACH}"
    remote.proxy.fail("none")
    assert gateway.dial(AKINYI).startswith("CON Your last call was cut off.")

    assert gateway.answer(AKINYI, "1") == asked


def test_the_same_request_is_answered_alike_when_the_shop_is_back(remote: RemoteSetup) -> None:
    gateway = remote.bot.gateway
    remote.proxy.fail("server_error")
    first = gateway.answer(AKINYI, "3")
    remote.proxy.fail("none")

    assert gateway.repeat() == first == f"END {OUT_OF_REACH}"


def test_who_was_never_met_is_told_so_until_she_can_be(remote: RemoteSetup) -> None:
    bot, (kiosk,) = remote.bot, remote.shop.api("GET", "/kiosks")["data"]
    remote.shop.api("PATCH", f"/kiosks/{kiosk['id']}", {"agent": {"name": "Grace", "phone": NEW_PHONE}})
    choose_language(bot, "en", NEW_PHONE)
    remote.proxy.fail("server_error")

    assert bot.gateway.dial(NEW_PHONE) == bot.gateway.dial(NEW_PHONE) == f"END {OUT_OF_REACH}"
    bot.gateway.text(NEW_PHONE, "MENU")
    assert remote.inbox(NEW_PHONE) == [OUT_OF_REACH]
    remote.proxy.fail("none")
    assert bot.gateway.dial(NEW_PHONE).startswith("CON Soko kiosk Lakeside")


def test_stop_needs_no_shop(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(NEW_PHONE, "STOP")

    assert remote.inbox(NEW_PHONE) == ["You will get no more texts from Soko. To get them again, text START."]


def test_nobody_waits_for_a_shop_that_has_just_kept_somebody_waiting(remote: RemoteSetup) -> None:
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


# -- out of reach: what is to be done


@every_fault
def test_what_is_asked_for_meanwhile_is_done_once_and_told(remote: RemoteSetup, fault: Fault) -> None:
    remote.proxy.fail(fault)
    sells(remote.bot, "kiondo basket")
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


@pytest.mark.parametrize("fault", ["server_error", "lost_answer"])
def test_so_it_is_over_postgresql_and_redis(
    tmp_path: Path, migrated_postgres_url: str, redis_url: str, fault: Fault
) -> None:
    with remote_setup(tmp_path, database_url=migrated_postgres_url, redis_url=redis_url) as remote:
        choose_language(remote.bot, "en", AKINYI)
        remote.bot.gateway.dial(AKINYI)
        remote.proxy.fail(fault)
        sells(remote.bot, "first basket")
        sells(remote.bot, "second basket")
        assert remote.inbox(AKINYI)[-1] == NOTED
        remote.proxy.fail("none")
        remote.bot.later(minutes=1)

        assert titles(remote.shop) == ["Clay water pot", "first basket", "second basket"]
        assert remote.inbox(AKINYI)[-1].startswith("second basket is on sale")


def test_by_call_it_is_noted_and_told_by_text(remote: RemoteSetup) -> None:
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


def test_hers_are_done_in_her_order_and_later_ones_wait_behind(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    sells(remote.bot, "first basket")
    sells(remote.bot, "second basket")
    remote.proxy.fail("none")
    sells(remote.bot, "third basket")
    assert titles(remote.shop) == ["Clay water pot"]
    remote.bot.later(minutes=1)

    assert titles(remote.shop) == ["Clay water pot", "first basket", "second basket", "third basket"]
    told = [text for text in remote.inbox(AKINYI) if "is on sale" in text]
    assert [text.split(" is")[0] for text in told] == ["first basket", "second basket", "third basket"]


def test_another_persons_do_not_wait_for_hers(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    sells(remote.bot, "first basket")
    remote.proxy.fail("none")
    remote.bot.gateway.text(JOY, "CALL")

    assert [waiting["phone"] for waiting in remote.shop.api("GET", "/help-requests")["data"]] == [JOY]


@every_fault
def test_a_shop_that_refuses_late_says_why(remote: RemoteSetup, fault: Fault) -> None:
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    remote.proxy.fail("server_error" if fault == "lost_answer" else fault)
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    assert remote.inbox(AKINYI)[-1] == NOTED
    remote.shop.api("POST", f"/orders/{placed['id']}/cancel")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert f"Order {placed['code']} is no longer open." in remote.inbox(AKINYI)
    assert order_status(remote.shop, placed) == "cancelled"


def test_what_the_shop_did_while_its_answer_was_lost_is_not_refused_for_having_been_done(remote: RemoteSetup) -> None:
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    remote.proxy.fail("lost_answer")
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert order_status(remote.shop, placed) == "accepted"
    assert remote.inbox(AKINYI)[-1].startswith(f"Order {placed['code']} is yours: 1 x Clay water pot.")


def test_after_stop_she_is_still_told_what_came_of_what_she_asked_for(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    sells(remote.bot, "first basket")
    remote.bot.gateway.text(AKINYI, "STOP")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert remote.inbox(AKINYI)[-1].startswith("first basket is on sale")


def test_a_language_is_chosen_at_once_and_told_to_the_shop_later(remote: RemoteSetup) -> None:
    remote.proxy.fail("server_error")
    remote.bot.gateway.text(AKINYI, "LANG")
    remote.bot.gateway.text(AKINYI, "Kiswahili")
    assert "Soko: Akinyi Ouma\n1. Uza" in remote.inbox(AKINYI)[-1]
    said = len(remote.inbox(AKINYI))
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    (artisan,) = remote.shop.api("GET", "/artisans")["data"]
    assert artisan["language"] == "sw"
    assert len(remote.inbox(AKINYI)) == said


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


def test_digits_for_cash_are_not_kept_for_later(remote: RemoteSetup) -> None:
    remote.proxy.fail("lost_answer")
    for answer in ("2", "135791"):
        screen = remote.bot.gateway.answer(OTIENO, answer)
    assert screen == f"END {OUT_OF_REACH}"
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)
    gateway = remote.bot.gateway
    assert gateway.dial(OTIENO).startswith("CON Your last call was cut off.")
    gateway.answer(OTIENO, "1")

    assert gateway.answer(OTIENO, "246802").startswith("END No cash waits here for that code.")
    assert remote.inbox(OTIENO) == []


# -- whatever breaks


def test_a_process_that_dies_once_the_shop_has_done_it_lists_it_once(remote: RemoteSetup) -> None:
    bot = remote.bot
    for text in ("SELL kiondo basket 1500 x3", "1"):
        bot.gateway.text(AKINYI, text)
    assert crashing_process(bot).text(AKINYI, "yes", id="sms-yes") == 500
    bot.gateway.text(AKINYI, "yes", id="sms-yes")

    assert titles(remote.shop) == ["Clay water pot", "kiondo basket"]
    assert remote.inbox(AKINYI)[-1].startswith("kiondo basket is on sale")


def test_a_process_that_dies_before_it_has_written_down_what_the_shop_did_does_it_once(remote: RemoteSetup) -> None:
    """Of the two short transactions around the shop, the first is kept and the second is not."""
    database = remote.bot.services.database
    dying_then = second_process(
        remote.bot, database=Database(database.reading, cast("Any", Failing(database.writing, after=1)))
    )
    call, code = ("ATUid_dying", AKINYI), remote.bot.settings.ussd_code
    typed = ["1", "kiondo basket", "1", "1500", "2"]
    for n in range(len(typed) + 1):
        remote.bot.gateway.post_ussd(*call, code, "*".join(typed[:n]))
    said = "*".join([*typed, "1"])
    assert dying_then.post_ussd(*call, code, said).startswith("END Sorry")
    assert titles(remote.shop) == ["Clay water pot", "kiondo basket"]

    assert remote.bot.gateway.post_ussd(*call, code, said).startswith("END kiondo basket is on sale")
    assert titles(remote.shop) == ["Clay water pot", "kiondo basket"]


class Failing:
    """A way into the database that is lost after so many transactions."""

    def __init__(self, writing: sessionmaker[Session], after: int) -> None:
        self._writing, self._left = writing, after

    def begin(self) -> AbstractContextManager[Session]:
        self._left -= 1
        if self._left < 0:
            raise ConnectionError("died before writing")
        return self._writing.begin()


def test_nothing_is_locked_while_the_shop_is_asked(remote: RemoteSetup, tmp_path: Path) -> None:
    """The hop waits for this writer: were it to hold the one write lock of SQLite meanwhile, neither could go on."""
    found: list[str] = []

    def write() -> None:
        with closing(sqlite3.connect(tmp_path / "bot" / "soko.db", timeout=1, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                found.append("free")
            except sqlite3.OperationalError as error:
                found.append(str(error))

    remote.proxy.on_request = write
    remote.bot.gateway.dial(AKINYI)
    sells(remote.bot, "kiondo basket")
    placed = place_order(remote.shop)
    remote.later(seconds=1)
    remote.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    remote.proxy.fail("server_error")
    sells(remote.bot, "second basket")
    remote.proxy.fail("none")
    remote.bot.later(seconds=30)

    assert set(found) == {"free"}
    assert titles(remote.shop)[-1] == "second basket"


def test_no_number_stands_in_the_log(remote: RemoteSetup, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for fault in FAULTS:
        remote.proxy.fail(fault)
        sells(remote.bot, f"{fault} basket")
        remote.bot.later(minutes=1)

    assert "711000103" not in caplog.text
    assert "does not answer" in caplog.text
