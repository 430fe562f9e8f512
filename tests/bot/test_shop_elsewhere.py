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
from tests.bot.scenes import AKINYI, JOY, OTIENO, STRANGER, another, dying, on_sale, order, speaks, status, tell, texts
from tests.bot.test_delivery import Hanging, delivering, say
from tests.service import Service
from tests.shops import Elsewhere, elsewhere

OUT_OF_REACH = "The shop cannot be reached just now. Please try again in a few minutes."
NOTED = "Noted. The shop cannot be reached just now: we do it as soon as it can, and text you what came of it."
AWAY = ["nowhere", "broken", "astray", "shut", "one way"]

away = pytest.mark.parametrize("fares", AWAY)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Elsewhere]:
    """Akinyi and Otieno have called before, so the bot knows who they are."""
    with elsewhere(tmp_path) as town:
        speaks(town.bot, "en", AKINYI, OTIENO, JOY)
        for msisdn in (AKINYI, OTIENO):
            town.bot.gateway.dial(msisdn)
        yield town


def titles(shop: Service) -> list[str]:
    """What was put on sale, in the order in which it was."""
    events = shop.api("GET", "/events?limit=100")["data"]
    return [event["data"]["title"] for event in events if event["type"] == "product.listed"]


def sells(bot: Service, title: str) -> None:
    """By text, to the end; what she is answered lies in her inbox."""
    for text in (f"SELL {title} 1500 x3", "1", "yes"):
        bot.gateway.text(AKINYI, text)


# -- within reach


def test_who_joins_sells_and_answers_an_order_does_so_in_the_shop(town: Elsewhere) -> None:
    bot, shop = town.bot, town.shop
    bot.gateway.dial(STRANGER)
    for answer in ("1", "1", "Amina", "1", "1", "1"):
        screen = bot.gateway.answer(STRANGER, answer)
    assert screen.startswith("END Welcome to Soko, Amina!")
    for text in ("SELL kiondo basket 1500 x3", "1", "yes"):
        bot.gateway.text(STRANGER, text)
    placed = order(shop, 2, title="kiondo basket")
    town.later(seconds=1)
    assert f"New order {placed['code']}: 2 x kiondo basket." in bot.inbox(STRANGER)[-1]
    bot.gateway.text(STRANGER, f"YES {placed['code']}")
    town.later(seconds=1)

    assert status(shop, placed) == "accepted"
    assert any(f"Amina makes your order {placed['code']}" in text for text in bot.inbox(JOY))
    assert on_sale(bot, "kiondo basket") == []


def test_a_link_for_pictures_is_the_shops(town: Elsewhere) -> None:
    code = town.shop.api("GET", "/products")["data"][0]["code"]
    for answer in ("2", "1", "4"):
        screen = town.bot.gateway.answer(AKINYI, answer)
    assert screen.startswith("END We text you a link.")
    (said,) = town.inbox(AKINYI)
    assert f"{town.shop.settings.url}/p/{code}." in said
    town.road.goes("broken")
    town.bot.gateway.text(AKINYI, f"PHOTO {code}")

    assert town.inbox(AKINYI)[-1] == OUT_OF_REACH


def test_the_shop_itself_tells_nobody_where_it_is_told_not_to(town: Elsewhere) -> None:
    order(town.shop)
    town.later(seconds=1)

    assert town.shop.inbox(AKINYI) == []
    assert len(town.inbox(AKINYI)) == 1


def test_what_happened_before_a_bot_came_is_not_told_by_it(town: Elsewhere) -> None:
    first = order(town.shop)
    tell(town.bot, "DELETE FROM cursor")
    town.later(seconds=1)
    assert town.inbox(JOY) == []
    second = order(town.shop)
    town.later(seconds=1)

    (told,) = town.inbox(JOY)
    assert second["code"] in told
    assert first["code"] not in told


# -- out of reach: what only reads


@away
def test_a_call_is_answered_with_the_menu_and_then_with_words(town: Elsewhere, fares: str) -> None:
    town.road.goes(fares)

    assert town.bot.gateway.dial(AKINYI).startswith("CON Soko: Akinyi Ouma\n1. Sell something")
    assert town.bot.gateway.answer(AKINYI, "3") == f"END {OUT_OF_REACH}"


@away
def test_a_text_is_answered_with_words(town: Elsewhere, fares: str) -> None:
    town.road.goes(fares)
    town.bot.gateway.text(AKINYI, "ORDERS")

    assert town.inbox(AKINYI) == [OUT_OF_REACH]


def test_a_text_is_answered_while_the_shop_and_every_provider_hang(
    town: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(2):
        say(town.bot, f"+25473300100{n}", "hello")
    town.road.goes("nowhere")
    with delivering(town.bot, Hanging(town.bot.clock), 0, monkeypatch):
        assert town.bot.gateway.text(AKINYI, "ORDERS") == 200

    (answer,) = texts(town.bot, AKINYI)
    assert (answer.text, answer.status) == (OUT_OF_REACH, "queued")


def test_the_words_are_in_her_language(town: Elsewhere) -> None:
    speaks(town.bot, "sw", AKINYI)
    town.road.goes("broken")
    town.bot.gateway.text(AKINYI, "MAAGIZO")

    assert town.inbox(AKINYI)[-1].startswith("Duka halipatikani kwa sasa")


def test_a_call_that_was_put_off_goes_on_where_it_was(town: Elsewhere) -> None:
    gateway = town.bot.gateway
    gateway.answer(AKINYI, "2")
    asked = gateway.answer(AKINYI, "1")
    town.road.goes("broken")
    assert gateway.answer(AKINYI, "1") == f"END {OUT_OF_REACH}"
    town.road.goes("well")
    assert gateway.dial(AKINYI).startswith("CON Your last call was cut off.")

    assert gateway.answer(AKINYI, "1") == asked


def test_the_same_request_is_answered_alike_when_the_shop_is_back(town: Elsewhere) -> None:
    gateway = town.bot.gateway
    town.road.goes("broken")
    first = gateway.answer(AKINYI, "3")
    town.road.goes("well")

    assert gateway.repeat() == first == f"END {OUT_OF_REACH}"


def test_who_was_never_met_is_told_so_until_she_can_be(town: Elsewhere) -> None:
    bot, (kiosk,) = town.bot, town.shop.api("GET", "/kiosks")["data"]
    town.shop.api("PATCH", f"/kiosks/{kiosk['id']}", {"agent": {"name": "Grace", "phone": STRANGER}})
    speaks(bot, "en", STRANGER)
    town.road.goes("broken")

    assert bot.gateway.dial(STRANGER) == bot.gateway.dial(STRANGER) == f"END {OUT_OF_REACH}"
    bot.gateway.text(STRANGER, "MENU")
    assert town.inbox(STRANGER) == [OUT_OF_REACH]
    town.road.goes("well")
    assert bot.gateway.dial(STRANGER).startswith("CON Soko kiosk Lakeside")


def test_stop_needs_no_shop(town: Elsewhere) -> None:
    town.road.goes("broken")
    town.bot.gateway.text(STRANGER, "STOP")

    assert town.inbox(STRANGER) == ["You will get no more texts from Soko. To get them again, text START."]


def test_nobody_waits_for_a_shop_that_has_just_kept_somebody_waiting(town: Elsewhere) -> None:
    town.road.goes("nowhere")
    town.bot.gateway.text(AKINYI, "ORDERS")
    asked = len(town.road.asked)
    for _ in range(3):
        town.bot.gateway.text(AKINYI, "ORDERS")
    assert len(town.road.asked) == asked
    town.bot.clock.advance(3)
    town.road.goes("well")
    town.bot.gateway.text(AKINYI, "ORDERS")

    assert town.inbox(AKINYI)[-1] == "You have no open orders."


# -- out of reach: what is to be done


@away
def test_what_is_asked_for_meanwhile_is_done_once_and_told(town: Elsewhere, fares: str) -> None:
    town.road.goes(fares)
    sells(town.bot, "kiondo basket")
    assert town.inbox(AKINYI)[-1] == NOTED
    town.bot.later(seconds=30)
    town.bot.later(seconds=60)
    assert town.inbox(AKINYI)[-1] == NOTED
    town.road.goes("well")
    town.bot.later(seconds=60)

    (product,) = on_sale(town.shop, "kiondo basket")
    assert town.inbox(AKINYI)[-1] == f"kiondo basket is on sale at KSh 1,500. Its code is {product['code']}."
    town.bot.later(minutes=10)
    assert len(on_sale(town.shop, "kiondo basket")) == 1
    assert len(town.inbox(AKINYI)) == 4


@pytest.mark.parametrize("fares", ["broken", "one way"])
def test_so_it_is_over_postgresql_and_redis(tmp_path: Path, postgres_url: str, redis_url: str, fares: str) -> None:
    with elsewhere(tmp_path, database_url=postgres_url, redis_url=redis_url) as town:
        speaks(town.bot, "en", AKINYI)
        town.bot.gateway.dial(AKINYI)
        town.road.goes(fares)
        sells(town.bot, "first basket")
        sells(town.bot, "second basket")
        assert town.inbox(AKINYI)[-1] == NOTED
        town.road.goes("well")
        town.bot.later(minutes=1)

        assert titles(town.shop) == ["Clay water pot", "first basket", "second basket"]
        assert town.inbox(AKINYI)[-1].startswith("second basket is on sale")


def test_by_call_it_is_noted_and_told_by_text(town: Elsewhere) -> None:
    gateway = town.bot.gateway
    town.road.goes("one way")
    for answer in ("1", "Basket 3*4", "1", "1500", "2", "1"):
        screen = gateway.answer(AKINYI, answer)
    assert screen == f"END {NOTED}"
    assert gateway.repeat() == screen
    town.road.goes("well")
    town.bot.later(seconds=5)

    assert titles(town.shop) == ["Clay water pot", "Basket 3*4"]
    assert town.inbox(AKINYI)[-1].startswith("Basket 3*4 is on sale")


def test_hers_are_done_in_her_order_and_later_ones_wait_behind(town: Elsewhere) -> None:
    town.road.goes("broken")
    sells(town.bot, "first basket")
    sells(town.bot, "second basket")
    town.road.goes("well")
    sells(town.bot, "third basket")
    assert titles(town.shop) == ["Clay water pot"]
    town.bot.later(minutes=1)

    assert titles(town.shop) == ["Clay water pot", "first basket", "second basket", "third basket"]
    told = [text for text in town.inbox(AKINYI) if "is on sale" in text]
    assert [text.split(" is")[0] for text in told] == ["first basket", "second basket", "third basket"]


def test_another_persons_do_not_wait_for_hers(town: Elsewhere) -> None:
    town.road.goes("broken")
    sells(town.bot, "first basket")
    town.road.goes("well")
    town.bot.gateway.text(JOY, "CALL")

    assert [waiting["phone"] for waiting in town.shop.api("GET", "/help-requests")["data"]] == [JOY]


@away
def test_a_shop_that_refuses_late_says_why(town: Elsewhere, fares: str) -> None:
    placed = order(town.shop)
    town.later(seconds=1)
    town.road.goes("broken" if fares == "one way" else fares)
    town.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    assert town.inbox(AKINYI)[-1] == NOTED
    town.shop.api("POST", f"/orders/{placed['id']}/cancel")
    town.road.goes("well")
    town.bot.later(seconds=30)

    assert f"Order {placed['code']} is no longer open." in town.inbox(AKINYI)
    assert status(town.shop, placed) == "cancelled"


def test_what_the_shop_did_while_its_answer_was_lost_is_not_refused_for_having_been_done(town: Elsewhere) -> None:
    placed = order(town.shop)
    town.later(seconds=1)
    town.road.goes("one way")
    town.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    town.road.goes("well")
    town.bot.later(seconds=30)

    assert status(town.shop, placed) == "accepted"
    assert town.inbox(AKINYI)[-1].startswith(f"Order {placed['code']} is yours: 1 x Clay water pot.")


def test_after_stop_she_is_still_told_what_came_of_what_she_asked_for(town: Elsewhere) -> None:
    town.road.goes("broken")
    sells(town.bot, "first basket")
    town.bot.gateway.text(AKINYI, "STOP")
    town.road.goes("well")
    town.bot.later(seconds=30)

    assert town.inbox(AKINYI)[-1].startswith("first basket is on sale")


def test_a_language_is_chosen_at_once_and_told_to_the_shop_later(town: Elsewhere) -> None:
    town.road.goes("broken")
    town.bot.gateway.text(AKINYI, "LANG")
    town.bot.gateway.text(AKINYI, "Kiswahili")
    assert "Soko: Akinyi Ouma\n1. Uza" in town.inbox(AKINYI)[-1]
    said = len(town.inbox(AKINYI))
    town.road.goes("well")
    town.bot.later(seconds=30)

    (artisan,) = town.shop.api("GET", "/artisans")["data"]
    assert artisan["language"] == "sw"
    assert len(town.inbox(AKINYI)) == said


def test_a_pin_is_checked_without_the_shop(town: Elsewhere) -> None:
    town.road.goes("broken")
    for answer in ("5", "4", "2468"):
        screen = town.bot.gateway.answer(AKINYI, answer)
    assert screen.startswith("CON How do you want to be paid?")
    assert town.bot.gateway.answer(AKINYI, "3") == f"END {NOTED}"
    town.road.goes("well")
    town.bot.later(seconds=30)

    (artisan,) = town.shop.api("GET", "/artisans")["data"]
    assert artisan["payout"]["method"] == "kiosk_cash"
    assert "Changed. We text you how you are paid from now on." in town.inbox(AKINYI)


def test_digits_for_cash_are_not_kept_for_later(town: Elsewhere) -> None:
    town.road.goes("one way")
    for answer in ("2", "135791"):
        screen = town.bot.gateway.answer(OTIENO, answer)
    assert screen == f"END {OUT_OF_REACH}"
    town.road.goes("well")
    town.bot.later(seconds=30)
    gateway = town.bot.gateway
    assert gateway.dial(OTIENO).startswith("CON Your last call was cut off.")
    gateway.answer(OTIENO, "1")

    assert gateway.answer(OTIENO, "246802").startswith("END No cash waits here for that code.")
    assert town.inbox(OTIENO) == []


# -- whatever breaks


def test_a_process_that_dies_once_the_shop_has_done_it_lists_it_once(town: Elsewhere) -> None:
    bot = town.bot
    for text in ("SELL kiondo basket 1500 x3", "1"):
        bot.gateway.text(AKINYI, text)
    assert dying(bot).text(AKINYI, "yes", id="sms-yes") == 500
    bot.gateway.text(AKINYI, "yes", id="sms-yes")

    assert titles(town.shop) == ["Clay water pot", "kiondo basket"]
    assert town.inbox(AKINYI)[-1].startswith("kiondo basket is on sale")


def test_a_process_that_dies_before_it_has_written_down_what_the_shop_did_does_it_once(town: Elsewhere) -> None:
    """Of the two short transactions around the shop, the first is kept and the second is not."""
    database = town.bot.services.database
    dying_then = another(town.bot, database=Database(database.reading, cast("Any", Failing(database.writing, after=1))))
    call, code = ("ATUid_dying", AKINYI), town.bot.settings.ussd_code
    typed = ["1", "kiondo basket", "1", "1500", "2"]
    for n in range(len(typed) + 1):
        town.bot.gateway.post_ussd(*call, code, "*".join(typed[:n]))
    said = "*".join([*typed, "1"])
    assert dying_then.post_ussd(*call, code, said).startswith("END Sorry")
    assert titles(town.shop) == ["Clay water pot", "kiondo basket"]

    assert town.bot.gateway.post_ussd(*call, code, said).startswith("END kiondo basket is on sale")
    assert titles(town.shop) == ["Clay water pot", "kiondo basket"]


class Failing:
    """A way into the database that is lost after so many transactions."""

    def __init__(self, writing: sessionmaker[Session], after: int) -> None:
        self._writing, self._left = writing, after

    def begin(self) -> AbstractContextManager[Session]:
        self._left -= 1
        if self._left < 0:
            raise ConnectionError("died before writing")
        return self._writing.begin()


def test_nothing_is_locked_while_the_shop_is_asked(town: Elsewhere, tmp_path: Path) -> None:
    """The hop waits for this writer: were it to hold the one write lock of SQLite meanwhile, neither could go on."""
    found: list[str] = []

    def write() -> None:
        with closing(sqlite3.connect(tmp_path / "bot" / "soko.db", timeout=1, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                found.append("free")
            except sqlite3.OperationalError as error:
                found.append(str(error))

    town.road.meanwhile = write
    town.bot.gateway.dial(AKINYI)
    sells(town.bot, "kiondo basket")
    placed = order(town.shop)
    town.later(seconds=1)
    town.bot.gateway.text(AKINYI, f"YES {placed['code']}")
    town.road.goes("broken")
    sells(town.bot, "second basket")
    town.road.goes("well")
    town.bot.later(seconds=30)

    assert set(found) == {"free"}
    assert titles(town.shop)[-1] == "second basket"


def test_no_number_stands_in_the_log(town: Elsewhere, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for fares in AWAY:
        town.road.goes(fares)
        sells(town.bot, f"{fares} basket")
        town.bot.later(minutes=1)

    assert "711000103" not in caplog.text
    assert "does not answer" in caplog.text
