"""Keywords: the same dialogue with answers given ahead, so that only what is missing or refused is asked."""

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

from .conftest import AMINA, HOME, PLACE, Phone
from .market import Village


def offer(rest: str, place: Place) -> Mapping[str, str]:
    said = offers.read(rest, place.currency)
    found = {"title": said.title, "price": said.price and numbers.format_money(said.price), "count": said.quantity}
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
def phone() -> Phone:
    return Phone(ENGINE, Village(AMINA), SMS)


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
def test_a_keyword_says_what_it_is_about_and_what_it_knows_already(text: str, flow: str, given: dict[str, str]) -> None:
    assert ENGINE.match_keyword(text, PLACE) == (flow, given)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "hello there", "OFER big pot", "OFFERS", "red pot", "yes of course", "about you", "bei", "😀", "0"],
)
def test_what_is_no_sense_of_a_keyword_is_none(text: str) -> None:
    assert ENGINE.match_keyword(text, PLACE) is None


def test_only_what_is_missing_is_asked(phone: Phone) -> None:
    assert phone.texts("OFFER big pot 1500 x3") == "Which colour?\n1. Red\n2. Blue"
    assert phone.says("2") == "big pot Blue KSh 1,500"
    assert phone.conversation.answers == {"title": "big pot", "colour": "b", "price": 1500_00, "count": 3}


def test_only_what_is_refused_is_asked_and_what_comes_after_it_is_kept(phone: Phone) -> None:
    assert phone.texts("OFFER ab 1500").startswith("Please use 3 to 20 letters.\nWhat?")
    phone.says("big pot")
    assert phone.says("red") == "big pot Red KSh 1,500"


def test_a_refused_answer_in_the_middle_keeps_those_around_it(phone: Phone) -> None:
    phone.texts("OFFER big pot 1500 x30")
    assert phone.says("red") == "That must be 1 to 9.\nHow many?"
    assert phone.says("3") == "big pot Red KSh 1,500"


def test_an_answer_that_a_keyword_stands_for_is_as_good_as_typed(phone: Phone) -> None:
    assert phone.texts("RED") == "How much?"


def test_a_guess_given_ahead_is_asked_back(phone: Phone) -> None:
    assert phone.opens("offer", title="big pot", colour="Bluu") == "Did you mean Blue?\n1. Yes\n2. No"
    assert phone.says("1") == "How much?"


def test_back_from_the_first_question_left_leads_to_what_was_given(phone: Phone) -> None:
    phone.texts("OFFER big pot 1500")
    assert phone.says("0") == "What?"


def test_a_new_keyword_begins_afresh(phone: Phone) -> None:
    phone.texts("OFFER big pot 1500 x3")
    assert phone.texts("ABOUT") == "About us."
    assert (phone.conversation.prefill, phone.conversation.answers) == ({}, {})


def test_what_is_left_over_is_forgotten_at_home(phone: Phone) -> None:
    phone.texts("OFFER big pot 1500 x3")
    phone.says("00")
    assert phone.conversation.prefill == {}


# What is only like a keyword.


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
def test_a_misspelt_keyword_is_asked_back_as_it_is_written(phone: Phone, text: str, word: str) -> None:
    assert phone.texts(text) == f"You mean {word}?\n1. Yes\n2. No"


def test_a_misspelt_keyword_acts_on_yes_with_all_that_was_said(phone: Phone) -> None:
    phone.texts("OFER big pot 1500 x3")
    assert phone.says("yes") == "Which colour?\n1. Red\n2. Blue"
    assert phone.says("2") == "big pot Blue KSh 1,500"


def test_a_misspelt_keyword_is_nothing_after_no(phone: Phone) -> None:
    phone.texts("OFER big pot 1500 x3")
    assert phone.says("no") == "Pardon?"
    assert phone.conversation.over


@pytest.mark.parametrize("text", ["", "hello there", "abut you", "YESS please", "😀", "0", "1"])
def test_what_is_like_no_keyword_or_no_sense_of_one_is_not_asked_back(phone: Phone, text: str) -> None:
    assert phone.texts(text) == "Pardon?"


@pytest.mark.parametrize(
    ("begun", "text", "taken"),
    [
        ("OFFER", "ofer", True),  # a title may be anything
        ("OFFER big pot", "ofer", False),  # no colour is like it
        ("OFFER big pot", "rad", True),  # a colour is
        ("OFFER big pot", "ABOUT", False),
        ("OFFER big pot", "green", True),  # it will be refused there
        ("YES", "abut", False),
        ("OFER big pot", "yes", True),
        ("OFER big pot", "abut", False),
    ],
)
def test_a_text_is_an_answer_unless_it_is_about_something_else(
    phone: Phone, begun: str, text: str, taken: bool
) -> None:
    phone.texts(begun)
    assert phone.engine.is_answer(phone.turn(), text) is taken


def test_yes_to_a_guess_is_not_the_keyword(phone: Phone) -> None:
    phone.opens("offer", title="big pot", colour="Bluu")
    assert phone.engine.is_answer(phone.turn(), "YES")
