"""Validation: each fault is put into a copy of a flow, and is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.messaging import rendering
from flows.commands import RequestCall
from flows.dialogues import ENGINE, sell
from flows.kit import (
    N_,
    USSD,
    Act,
    Ask,
    AskQuantity,
    Confirm,
    DialogueEngine,
    Enter,
    Flow,
    Go,
    Keyword,
    Menu,
    Notice,
    Option,
    Words,
    between,
    length,
)
from flows.kit.flow import because
from flows.kit.state_kinds.base import StateKind
from flows.kit.validation import find_faults, find_wording_faults
from tests.flows.dialogues.changed_flow import with_sell_changed
from tests.flows.phone import CALL, PLACE

ENGLISH = rendering.words("en")


def found_in(engine: DialogueEngine) -> list[str]:
    return [str(fault) for fault in find_faults(engine)]


def wording_faults_in(engine: DialogueEngine, words: Words = ENGLISH) -> list[str]:
    return [str(fault) for fault in find_wording_faults(engine, PLACE, words, USSD)]


def test_the_dialogues_have_no_fault() -> None:
    assert found_in(ENGINE) == []
    assert found_in(with_sell_changed()) == []


def test_a_flow_that_nothing_opens_is_found() -> None:
    lost = Flow("lost", Notice("here", "Nobody reads this."))
    assert found_in(DialogueEngine(*ENGINE.flows.values(), lost)) == ["lost: no other flow and no keyword leads here"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            AskQuantity("quantity", "How many?", then="reviev"),
            "sell.quantity: leads to reviev, which does not exist",
        ),
        (
            Confirm("review", "Right?", yes="listing", no=Enter("sel")),
            "sell.review: leads to the flow sel, which does not exist",
        ),
        (Notice("aside", "Nobody reads this."), "sell.aside: nothing leads here"),
        (AskQuantity("quantity", "How many?"), "sell.quantity: there is no way on by answer"),
        (Menu("review", "Right?"), "sell.review: there is no way on by answer"),
        (
            AskQuantity("quantity", "How many?", then=[Go("review", when=sell.is_dear)]),
            "sell.quantity: there may be no way on by answer: the last has a guard",
        ),
        (Notice("listed", ""), "sell.listed: it has no text"),
        (Notice("listed", ("It is on sale.", "")), "sell.listed: it has no text"),
        (Menu("review", "Right?", Option("", "listing"), Option("No", "title")), "sell.review: it has no text"),
        (
            Act("listing", command=sell.list_product, done="listed", rejected=()),
            "sell.listing: there is no way on by rejected",
        ),
        (
            Act("listing", command=sell.list_product, done="listed", rejected=[Go("not_listed", when=because("shut"))]),
            "sell.listing: there may be no way on by rejected: the last has a guard",
        ),
        (
            AskQuantity("quantity", N_("How many {title}?", "How many of {code}?"), then="review"),
            "sell.quantity: {code} may not be known here",
        ),
        (
            Ask("title", "What else beside {price}?", then="category", check=length(3, 40)),
            "sell.title: {price} may not be known here",
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_fault_of_a_state_is_found(changed: StateKind, problem: str) -> None:
    assert problem in found_in(with_sell_changed(changed))


def test_words_may_use_the_values_of_an_outcome_and_carried_answers() -> None:
    home = Flow("home", Menu("menu", "At home.", Option("Ask", Enter("sample")), Option("Act", Enter("acting"))))
    ask = Ask("word", "A word?", then=Enter("repeat", carry=("word",)), check=length(1, 9))
    act = Act("doing", command=lambda turn: RequestCall(), done="done", rejected="done")
    repeat = Flow("repeat", Notice("said", "You said {word}."))
    acting = Flow("acting", act, Notice("done", "Its number is {number}."))

    assert found_in(DialogueEngine(home, CALL, Flow("sample", ask), repeat, acting)) == []


@pytest.mark.parametrize("keyword", ["SELL", "sell", "MENU", "Uzá"])
def test_a_keyword_that_is_listed_twice_is_found(keyword: str) -> None:
    found = found_in(with_sell_changed(keywords=(*sell.flow.keywords, Keyword(keyword))))
    assert [problem for problem in found if not problem.endswith("is listed twice as a keyword")] == []
    assert found[-1].startswith("sell: ")


# In one language.


def translating(text: Callable[[str], str]) -> Words:
    return Words("xx", text, ENGLISH.plural, ENGLISH.money, ENGLISH.day)


def test_the_dialogues_have_no_wording_fault_in_english() -> None:
    assert wording_faults_in(ENGINE) == []


@pytest.mark.parametrize("translated", ["Bei ni sawa?", "Bei ya {prise} ni sawa?", "{price} na {title}?"])
def test_a_translation_with_other_fields_is_found(translated: str) -> None:
    message = "{price} for one?"
    words = translating(lambda text: translated if text == message else text)
    assert f"sell.dear: in xx other fields than in: {message}" in wording_faults_in(ENGINE, words)


@pytest.mark.parametrize(
    "changed",
    [
        Notice("listed", "It is on sale. " * 11),
        Notice("listed", "{title}, " * 4),
        AskQuantity("quantity", "How many? " * 16, then="review"),
        AskQuantity("quantity", "How many?", then="review", example="Write numbers, like 3. " * 7),
        AskQuantity("quantity", "{price} " * 16, then="review", check=between(1, 10**80)),
        Menu("review", "Sell it? " * 16, Option("Yes, at this price", "listing"), Option("No", "title")),
        Menu("review", "Sell it?", Option("Yes, at this price. " * 8, "listing"), Option("No", "title")),
        Confirm("review", "Sell it? " * 17, yes="listing", no="title"),
    ],
    ids=lambda state: str(state.name),
)
def test_a_text_that_is_too_long_for_a_screen_is_found(changed: StateKind) -> None:
    assert wording_faults_in(with_sell_changed(changed)) == [f"sell.{changed.name}: in en too long for ussd"]


def test_a_translation_that_is_too_long_is_found() -> None:
    words = translating(lambda text: text * 8 if "for one" in text else text)
    assert "sell.dear: in xx too long for ussd" in wording_faults_in(ENGINE, words)


# Side prompts and navigation.


@pytest.mark.parametrize("message", ["Did you mean {guess}?", "Go on where you stopped?", "Home"])
def test_side_prompts_and_navigation_are_checked_too(message: str) -> None:
    words = translating(lambda text: "{gues}? " if text == message else text)
    assert f"beside the flows: in xx other fields than in: {message}" in wording_faults_in(ENGINE, words)
