"""The proof of the book, proved: each thing that can be wrong with a flow is done to a copy of one, and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot import speech
from flows.dialogues import BOOK, home, sell
from flows.kit import (
    N_,
    USSD,
    Act,
    Ask,
    AskQuantity,
    Book,
    Confirm,
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
from flows.kit.drawing import mermaid, name_of
from flows.kit.flow import because
from flows.kit.kinds import Kind
from flows.kit.proof import faults, misspoken
from flows.market import RequestCall

from .conftest import CALL, PLACE

ENGLISH = speech.words("en")
STATES = sell.flow.states


def selling(*changed: Kind, keywords: tuple[Keyword, ...] = ()) -> Book:
    """The book with another edition of the flow that sells: some states otherwise, or added at its end."""
    states = {**STATES, **{state.name: state for state in changed}}
    flow = Flow("sell", *states.values(), start=sell.flow.start, facts=sell.flow.facts, keywords=keywords)
    return Book(*(flow if other.name == "sell" else other for other in BOOK.flows.values()))


def objections(book: Book) -> list[str]:
    return [str(fault) for fault in faults(book)]


def spoken(book: Book, words: Words = ENGLISH) -> list[str]:
    return [str(fault) for fault in misspoken(book, PLACE, words, USSD)]


def test_the_book_as_it_is_has_no_fault() -> None:
    assert objections(BOOK) == []
    assert objections(selling()) == []


def test_a_flow_that_nobody_can_open_is_named() -> None:
    lost = Flow("lost", Notice("here", "Nobody reads this."))
    assert objections(Book(*BOOK.flows.values(), lost)) == ["lost: no door and no keyword leads here"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            AskQuantity("quantity", "How many?", then="reviev"),
            "sell.quantity: leads to reviev, which is not there",
        ),
        (
            Confirm("review", "Right?", yes="listing", no=Enter("sel")),
            "sell.review: leads to the flow sel, which is not there",
        ),
        (Notice("aside", "Nobody reads this."), "sell.aside: nothing leads here"),
        (AskQuantity("quantity", "How many?"), "sell.quantity: there is no way on by answer"),
        (Menu("review", "Right?"), "sell.review: there is no way on by answer"),
        (
            AskQuantity("quantity", "How many?", then=[Go("review", when=sell.is_dear)]),
            "sell.quantity: there may be no way on by answer: the last has a guard",
        ),
        (Notice("listed", ""), "sell.listed: it has no words"),
        (Notice("listed", ("It is on sale.", "")), "sell.listed: it has no words"),
        (Menu("review", "Right?", Option("", "listing"), Option("No", "title")), "sell.review: it has no words"),
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
def test_what_is_wrong_with_a_state_is_named(changed: Kind, problem: str) -> None:
    assert problem in objections(selling(changed))


def test_what_a_command_brings_and_what_a_door_carries_may_be_named() -> None:
    home = Flow("home", Menu("menu", "At home.", Option("A tale", Enter("tale")), Option("A deed", Enter("deed"))))
    ask = Ask("word", "A word?", then=Enter("told", carry=("word",)), check=length(1, 9))
    act = Act("doing", command=lambda turn: RequestCall(), done="done", rejected="done")
    told = Flow("told", Notice("told", "You said {word}."))
    deed = Flow("deed", act, Notice("done", "Its number is {number}."))

    assert objections(Book(home, CALL, Flow("tale", ask), told, deed)) == []


@pytest.mark.parametrize("keyword", ["SELL", "sell", "MENU", "Uzá"])
def test_a_keyword_that_is_there_twice_is_named(keyword: str) -> None:
    found = objections(selling(keywords=(*sell.flow.keywords, Keyword(keyword))))
    assert [problem for problem in found if not problem.endswith("is a keyword twice")] == []
    assert found[-1].startswith("sell: ")


# In a language.


def saying(text: Callable[[str], str]) -> Words:
    return Words("xx", text, ENGLISH.plural, ENGLISH.money, ENGLISH.day)


def test_the_book_can_be_said_in_english_as_it_is() -> None:
    assert spoken(BOOK) == []


@pytest.mark.parametrize("translated", ["Bei ni sawa?", "Bei ya {prise} ni sawa?", "{price} na {title}?"])
def test_a_translation_with_other_fields_is_named(translated: str) -> None:
    message = "{price} for one?"
    words = saying(lambda text: translated if text == message else text)
    assert f"sell.dear: in xx other fields than in: {message}" in spoken(BOOK, words)


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
def test_what_is_too_long_for_a_screen_is_named(changed: Kind) -> None:
    assert spoken(selling(changed)) == [f"sell.{changed.name}: in en too long for ussd"]


def test_a_translation_that_is_too_long_is_named() -> None:
    words = saying(lambda text: text * 8 if "for one" in text else text)
    assert "sell.dear: in xx too long for ussd" in spoken(BOOK, words)


# The picture.


def test_a_flow_is_drawn_with_its_kinds_guards_and_doors() -> None:
    flow = Flow(
        "tale",
        Confirm("sure", "Sure?", yes="asking", no=Enter("home")),
        Act(
            "asking", command=sell.list_product, done="told", rejected=[Go("sure", when=because("a", "b")), Go("told")]
        ),
        Notice("told", "Told."),
        start=[Go("sure", when=home.is_artisan), Go("told")],
    )
    assert mermaid(flow).splitlines() == [
        "stateDiagram-v2",
        '    state "sure (Confirm)" as sure',
        '    state "asking (Act)" as asking',
        '    state "told (Notice)" as told',
        '    state "to home" as door_home',
        "    [*] --> sure: if is_artisan",
        "    [*] --> told",
        "    sure --> asking: yes",
        "    sure --> door_home: no",
        "    asking --> told: done, rejected, queued",
        "    asking --> sure: rejected if because(a, b)",
        "    told --> [*]",
    ]


def test_a_label_holds_no_sign_that_would_end_it() -> None:
    flow = Flow("tale", Menu("pick", "Pick.", Option("This: one; or two", "told")), Notice("told", "Told."))
    assert "    pick --> told: This, one, or two" in mermaid(flow).splitlines()


def test_every_guard_of_the_book_has_a_name_in_its_source() -> None:
    guards = [edge.go.when for flow in BOOK.flows.values() for _, edge in flow.rows if edge.go.when]
    assert [guard for guard in guards if "<" in name_of(guard)] == []
