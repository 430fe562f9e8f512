"""What somebody can do who forges a sender or knows the webhook secret, and what bounds it: see docs/forged.md."""

from __future__ import annotations

import re

import pytest

from bot.conversation.texts import STOPPED
from state import people
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    NEW_PHONE,
    OTIENO,
    POT,
    accepted_order,
    choose_language,
    dial,
    order_status,
    outgoing_messages,
    place_order,
    products_titled,
)
from tests.service import Service

TO_PAYOUT = ("MENU", "5", "4")
"""The texts that lead an artisan to the question for the PIN, or for a first PIN."""
TO_MY_OTHER_PHONE = ("2", "0722000111", "1")


@pytest.fixture
def shop(embedded: Service) -> Service:
    choose_language(embedded, "en", AKINYI, OTIENO, JOY)
    return embedded


def forge(shop: Service, msisdn: str, *texts: str) -> None:
    """Text under this number; who forges it does not get the answers."""
    for text in texts:
        shop.gateway.text(msisdn, text)


def told(shop: Service, msisdn: str) -> str:
    """What a phone gets, one-time codes included."""
    seal = shop.services.seal
    return "\n".join(seal.open(message.text, message.sealed) for message in outgoing_messages(shop, msisdn))


def filled_in(shop: Service, *texts: str) -> list[str]:
    """The texts with the code of the artisan's product in place of `CODE`."""
    (product,) = products_titled(shop, POT)
    return [text.replace("CODE", product["code"]) for text in texts]


# -- a forged sender


QUESTIONS = ("MENU", "MONEY", "STATEMENT", "ORDERS", "PRODUCTS", "PHOTO CODE", "LANG sw", "HELP", "MORE", "hmm", "JOIN")


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_only_asked_is_answered_to_the_phone_itself_and_changes_nothing(shop: Service, question: str) -> None:
    before = shop.events()
    forge(shop, AKINYI, *filled_in(shop, question))

    assert {message.msisdn for message in outgoing_messages(shop)} == {AKINYI}
    assert shop.events() == before


@pytest.mark.parametrize("texts", [("MENU", "4"), ("MENU", "5", "1")], ids=["today", "language"])
def test_what_an_agent_only_asks_is_answered_to_the_phone_itself_and_changes_nothing(
    shop: Service, texts: tuple[str, ...]
) -> None:
    before = shop.events()
    forge(shop, OTIENO, *texts)

    assert {message.msisdn for message in outgoing_messages(shop)} == {OTIENO}
    assert shop.events() == before


CHANGES = {
    "sell": (("SELL Oil lamp 900 x5", "6", "yes"), "Oil lamp is on sale"),
    "price": (("PRICE CODE 2000",), "CODE, now costs KSh 2,000"),
    "price far off": (("PRICE CODE 100", "yes"), "CODE, now costs KSh 100"),
    "stock": (("STOCK CODE 7",), "You have 7 x Clay water pot on sale"),
    "title": (("TITLE CODE Vase",), "CODE is called Vase now"),
    "description": (("DESCRIBE CODE Nice",), "The shop shows your description"),
    "remove": (("REMOVE CODE", "yes"), "CODE is removed from the shop"),
    "rename": (("MENU", "5", "2", "Mallory"), "You are Mallory now"),
    "leave": (("MENU", "5", "5", "1"), "You have left Soko"),
    "payout": ((*TO_PAYOUT, "1234", *TO_MY_OTHER_PHONE), "your money goes to phone 0722 000111. Not you? Reply CALL"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_by_a_forged_text_is_told_to_the_artisan(shop: Service, change: str) -> None:
    texts, words = CHANGES[change]
    expected = filled_in(shop, words)[0]
    forge(shop, AKINYI, *filled_in(shop, *texts))
    shop.later(minutes=1)

    assert expected in told(shop, AKINYI)


def test_a_new_kiosk_is_told_to_the_artisan(shop: Service) -> None:
    shop.kiosk("+254722000223", "Hillside", "Kisumu")
    forge(shop, AKINYI, "MENU", "5", "3", "Hillside")

    assert "Hillside" in told(shop, AKINYI).splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "words"), [("YES {}", "Order {} is yours"), ("NO {}", "You declined order {}")], ids=["accept", "decline"]
)
def test_an_order_that_is_answered_by_a_forged_text_is_told_to_the_artisan(
    shop: Service, text: str, words: str
) -> None:
    code = place_order(shop)["code"]
    forge(shop, AKINYI, text.format(code))

    assert words.format(code) in told(shop, AKINYI)


def test_the_stock_that_is_asked_for_after_an_answer_is_told_too(shop: Service) -> None:
    forge(shop, AKINYI, f"NO {place_order(shop)['code']}", "3")

    assert "The shop shows 3 x Clay water pot now" in told(shop, AKINYI)


def test_an_order_that_is_called_ready_is_told_to_the_artisan_and_pays_nothing(shop: Service) -> None:
    order = accepted_order(shop)
    forge(shop, AKINYI, f"READY {order['code']}")

    assert f"Order {order['code']} is ready" in told(shop, AKINYI)
    assert shop.api("GET", "/payouts")["data"] == []


def test_the_payout_phone_of_who_has_a_pin_is_not_changed_and_three_guesses_lock(shop: Service) -> None:
    forge(shop, AKINYI, *TO_PAYOUT, "2468", "1")  # she chooses her PIN
    changes = shop.events().count("artisan.payout_changed")
    forge(shop, AKINYI, *TO_PAYOUT, "1111", "2222", "3333", *TO_PAYOUT, "2468", *TO_MY_OTHER_PHONE)

    assert "Too many wrong PINs" in told(shop, AKINYI)
    assert shop.events().count("artisan.payout_changed") == changes


def test_a_phone_that_never_joined_is_told_that_it_did(shop: Service) -> None:
    forge(shop, NEW_PHONE, "JOIN Eve", "1", "1", "1")

    assert "Welcome to Soko, Eve" in told(shop, NEW_PHONE)
    assert shop.api("GET", "/payouts")["data"] == []


def test_a_call_back_is_asked_for_once_however_often_it_is_forged(shop: Service) -> None:
    forge(shop, AKINYI, "CALL", "CALL", "CALL")

    assert [request["phone"] for request in shop.api("GET", "/help-requests")["data"]] == [AKINYI]


def test_a_stop_is_confirmed_to_the_phone_which_can_start_again(shop: Service) -> None:
    forge(shop, AKINYI, "STOP")
    assert told(shop, AKINYI) == STOPPED

    forge(shop, AKINYI, "START")
    assert "you will get texts again" in told(shop, AKINYI)


@pytest.mark.parametrize("keyword", ["RECEIVED", "DROP", "TRACK"])
def test_an_order_of_another_buyer_is_neither_shown_nor_changed(shop: Service, keyword: str) -> None:
    order = place_order(shop)
    forge(shop, NEW_PHONE, f"{keyword} {order['code']}")

    assert POT not in told(shop, NEW_PHONE)
    assert order_status(shop, order) == "placed"


def test_an_order_that_is_dropped_by_a_forged_text_is_told_to_buyer_and_artisan(shop: Service) -> None:
    order = place_order(shop)
    forge(shop, JOY, f"DROP {order['code']}")
    shop.later(minutes=1)

    assert f"You cancelled order {order['code']}" in told(shop, JOY)
    assert f"the buyer cancelled order {order['code']}" in told(shop, AKINYI)


def test_an_accepted_order_is_not_dropped_and_one_that_was_not_shipped_not_confirmed(shop: Service) -> None:
    order = accepted_order(shop)
    forge(shop, JOY, f"DROP {order['code']}", f"RECEIVED {order['code']}")

    assert order_status(shop, order) == "accepted"


def test_goods_that_a_forged_agent_receives_are_paid_to_their_artisan_alone_and_told(shop: Service) -> None:
    order = accepted_order(shop)
    forge(shop, OTIENO, "MENU", "1", order["code"], "1", "1")
    shop.later(minutes=1)

    artisan = shop.api("GET", "/artisans")["data"][0]["id"]
    assert [payout["artisan_id"] for payout in shop.api("GET", "/payouts")["data"]] == [artisan]
    assert f"Received: 1 x {POT}, order {order['code']}" in told(shop, OTIENO)
    assert "Not right? Reply CALL" in told(shop, AKINYI)


def test_an_order_that_a_forged_agent_ships_is_told_to_its_buyer(shop: Service) -> None:
    order = accepted_order(shop)
    forge(shop, OTIENO, "MENU", "1", order["code"], "1", "1", "MENU", "3", "1", "DHL", "T123", "1")
    shop.later(minutes=1)

    assert "T123" in told(shop, JOY)
    assert order["code"] in told(shop, OTIENO)


def test_the_code_of_a_pin_reset_that_a_forged_agent_asks_for_goes_to_the_artisan_alone(shop: Service) -> None:
    forge(shop, AKINYI, *TO_PAYOUT, "2468", "1")
    forge(shop, OTIENO, "MENU", "5", "2", AKINYI)

    (code,) = re.findall(r"\b\d{6}\b", told(shop, AKINYI))
    assert code not in told(shop, OTIENO)


# -- the webhook secret


def post(shop: Service, path: str, **fields: str) -> int:
    secret = shop.settings.webhook_secret
    return shop.http.post(f"/webhooks/africastalking/{secret}/{path}", data=fields).status_code


def test_with_the_webhook_secret_a_call_shows_what_is_owed_but_changes_no_payout_phone(shop: Service) -> None:
    dial(shop, AKINYI, "5", "4", "2468", "1")
    changes = shop.events().count("artisan.payout_changed")

    assert "We owe you" in dial(shop, AKINYI, "4")
    assert "What is your PIN?" in dial(shop, AKINYI, "5", "4")
    assert "locked" in dial(shop, AKINYI, "2", "5", "4", "1111", "2222", "3333")
    assert shop.events().count("artisan.payout_changed") == changes


def test_with_the_webhook_secret_an_opt_out_is_stored_which_start_ends(shop: Service) -> None:
    assert post(shop, "optout", phoneNumber=AKINYI, senderId="22384") == 200
    assert is_opted_out(shop)

    forge(shop, AKINYI, "START")
    assert not is_opted_out(shop)


def is_opted_out(shop: Service) -> bool:
    with shop.services.database.reading() as session:
        person = people.find(session.connection(), AKINYI)
    return person is not None and person.opted_out_at is not None


def test_with_the_webhook_secret_a_report_of_an_unknown_message_changes_no_message(shop: Service) -> None:
    forge(shop, AKINYI, "HELP")
    before = outgoing_messages(shop)
    assert post(shop, "delivery", id="ATXid_guessed", status="Success") == 200

    assert outgoing_messages(shop) == before
