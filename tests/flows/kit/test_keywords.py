"""Keywords: the same dialogue with answers given ahead, so that only what is missing or rejected is asked."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from flows.kit import (
    SMS,
    Ask,
    AskMoney,
    AskQuantity,
    Choice,
    Confirm,
    DialogueEngine,
    Enter,
    Flow,
    Go,
    Keyword,
    Notice,
    PagedList,
    Place,
    between,
    length,
)
from flows.kit.edges import SUGGESTED
from flows.kit.flow import always, given, known
from flows.reading import numbers, offers
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import AMINA, HOME, PLACE, FakePhone


def offer(rest: str, place: Place) -> Mapping[str, str]:
    read = offers.read(rest, place.currency)
    found = {"title": read.title, "price": read.price and numbers.format_money(read.price), "count": read.quantity}
    return {name: str(value) for name, value in found.items() if value}


def only_a_number(rest: str, _place: Place) -> Mapping[str, str] | None:
    return {"count": rest} if rest.isdecimal() else None


COLOURS = [Choice("r", "Red"), Choice("b", "Blue")]
ENGINE = DialogueEngine(
    HOME,
    Flow(
        "offer",
        Ask("title", "What?", check=length(3, 20), then="colour"),
        PagedList("colour", "Which colour?", items=lambda _turn: COLOURS, then="price"),
        AskMoney("price", "How much?", then=[Go("count", when=given("count")), Go("end")]),
        AskQuantity("count", "How many?", check=between(1, 9), then="end"),
        Notice("end", "{title} {colour} {price}"),
        keywords=[
            Keyword("OFFER", "BEI YA", "ሽጥ", fill=offer),
            Keyword("RED", fill=always(colour="Red", title="Red pot")),
        ],
    ),
    Flow(
        "count",
        AskQuantity("count", "How many?", then="end"),
        Notice("end", "{count}."),
        keywords=[Keyword("YES", fill=only_a_number)],
    ),
    Flow("about", Notice("about", "About us."), keywords=[Keyword("ABOUT", "ABOUT US")]),
    Flow(
        "puzzle",
        Confirm("meant", "You mean {word}?", yes=Enter(SUGGESTED), no="lost"),
        Notice("lost", "Pardon?"),
        start=[Go("meant", when=known("word")), Go("lost")],
    ),
)


@pytest.fixture
def phone() -> FakePhone:
    return FakePhone(ENGINE, FakeMarketplace(AMINA), SMS)


@pytest.mark.parametrize(
    ("text", "flow", "given"),
    [
        ("OFFER", "offer", {}),
        (" offer: ", "offer", {}),
        ("Offer big pot 1500 x3", "offer", {"title": "big pot", "price": "1500.00", "count": "3"}),
        ("OFFER*big pot*1500", "offer", {"title": "big pot", "price": "1500.00"}),
        ("OFFER\nbig pot\n1,650", "offer", {"title": "big pot", "price": "1650.00"}),
        ("bei  ya big pot", "offer", {"title": "big pot"}),
        ("ሽጥ big pot", "offer", {"title": "big pot"}),
        ("red", "offer", {"colour": "Red", "title": "Red pot"}),
        ("yes 3", "count", {"count": "3"}),
        ("about us", "about", {}),
    ],
)
def test_a_keyword_opens_its_flow_with_the_answers_given_ahead(text: str, flow: str, given: dict[str, str]) -> None:
    assert ENGINE.match_keyword(text, PLACE) == (flow, given)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "hello there", "OFER big pot", "OFFERS", "red pot", "yes of course", "about you", "bei", "😀", "0"],
)
def test_a_text_that_does_not_use_a_keyword_matches_none(text: str) -> None:
    assert ENGINE.match_keyword(text, PLACE) is None


def test_only_what_is_missing_is_asked(phone: FakePhone) -> None:
    assert phone.texts("OFFER big pot 1500 x3") == "Which colour?\n1. Red\n2. Blue"
    assert phone.says("2") == "big pot Blue KSh 1,500"
    assert phone.conversation.answers == {"title": "big pot", "colour": "b", "price": 1500_00, "count": 3}


def test_only_what_is_rejected_is_asked_and_later_answers_are_kept(phone: FakePhone) -> None:
    assert phone.texts("OFFER ab 1500").startswith("Please use 3 to 20 letters.\nWhat?")
    phone.says("big pot")
    assert phone.says("red") == "big pot Red KSh 1,500"


def test_a_rejected_answer_in_the_middle_keeps_the_others(phone: FakePhone) -> None:
    phone.texts("OFFER big pot 1500 x30")
    assert phone.says("red") == "That must be 1 to 9.\nHow many?"
    assert phone.says("3") == "big pot Red KSh 1,500"


def test_an_answer_given_by_a_keyword_counts_as_if_it_was_typed(phone: FakePhone) -> None:
    assert phone.texts("RED") == "How much?"


def test_a_guess_given_ahead_is_asked_back(phone: FakePhone) -> None:
    assert phone.opens("offer", title="big pot", colour="Bluu") == "Did you mean Blue?\n1. Yes\n2. No"
    assert phone.says("1") == "How much?"


def test_back_from_the_first_open_question_leads_to_the_answers_given_ahead(phone: FakePhone) -> None:
    phone.texts("OFFER big pot 1500")
    assert phone.says("0") == "What?"


def test_a_new_keyword_begins_a_flow_afresh(phone: FakePhone) -> None:
    phone.texts("OFFER big pot 1500 x3")
    assert phone.texts("ABOUT") == "About us."
    assert (phone.conversation.prefill, phone.conversation.answers) == ({}, {})


def test_going_home_forgets_the_answers_given_ahead(phone: FakePhone) -> None:
    phone.texts("OFFER big pot 1500 x3")
    phone.says("00")
    assert phone.conversation.prefill == {}


# Misspelt keywords.


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("OFER big pot", "OFFER"),
        ("abut", "ABOUT"),
        ("abot us", "ABOUT US"),
        ("bei yaa big pot", "BEI YA"),
        ("YESS 3", "YES"),
    ],
)
def test_a_misspelt_keyword_is_asked_back_in_its_right_spelling(phone: FakePhone, text: str, word: str) -> None:
    assert phone.texts(text) == f"You mean {word}?\n1. Yes\n2. No"


def test_yes_to_a_misspelt_keyword_opens_its_flow_with_all_answers(phone: FakePhone) -> None:
    phone.texts("OFER big pot 1500 x3")
    assert phone.says("yes") == "Which colour?\n1. Red\n2. Blue"
    assert phone.says("2") == "big pot Blue KSh 1,500"


def test_no_to_a_misspelt_keyword_ends_the_conversation(phone: FakePhone) -> None:
    phone.texts("OFER big pot 1500 x3")
    assert phone.says("no") == "Pardon?"
    assert phone.conversation.over


@pytest.mark.parametrize("text", ["", "hello there", "abut you", "YESS please", "😀", "0", "1"])
def test_a_text_like_no_keyword_is_not_asked_back(phone: FakePhone, text: str) -> None:
    assert phone.texts(text) == "Pardon?"


@pytest.mark.parametrize(
    ("begun", "text", "taken"),
    [
        ("OFFER", "ofer", True),  # a title may be any text
        ("OFFER big pot", "ofer", False),  # no colour is spelt like it
        ("OFFER big pot", "rad", True),  # a colour is spelt like it
        ("OFFER big pot", "ABOUT", False),
        ("OFFER big pot", "green", True),  # the question will reject it
        ("YES", "abut", False),
        ("OFER big pot", "yes", True),
        ("OFER big pot", "abut", False),
    ],
)
def test_a_text_is_an_answer_unless_it_begins_something_else(
    phone: FakePhone, begun: str, text: str, taken: bool
) -> None:
    phone.texts(begun)
    assert phone.engine.is_answer(phone.turn(), text) is taken


def test_yes_to_a_guess_is_not_the_keyword(phone: FakePhone) -> None:
    phone.opens("offer", title="big pot", colour="Bluu")
    assert phone.engine.is_answer(phone.turn(), "YES")
