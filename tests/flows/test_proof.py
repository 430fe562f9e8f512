"""The proof of the book, proved: each thing that can be wrong with a flow is done to a copy of one, and named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from types import MappingProxyType

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from bot.messaging import rendering
from flows.commands import ListProduct, RequestCall
from flows.dialogues import ENGINE, home, sell
from flows.kit import (
    N_,
    SMS,
    USSD,
    Act,
    Ask,
    AskMoney,
    AskQuantity,
    Channel,
    Choice,
    Confirm,
    Conversation,
    DialogueEngine,
    Enter,
    Flow,
    Go,
    Keyword,
    Menu,
    Notice,
    Option,
    PagedList,
    Person,
    Turn,
    Words,
    between,
    length,
)
from flows.kit.drawing import mermaid, name_of
from flows.kit.flow import Fact, because
from flows.kit.state_kinds.base import StateKind
from flows.kit.validation import find_faults, find_wording_faults

from . import laws
from .conftest import CALL, PLACE, Phone
from .test_book import WIDEST, explored, full
from .test_random_talk import Talk

ENGLISH = rendering.words("en")
SELLER = Person("+254711000111", "en", name=WIDEST, artisan=True)
STATES = sell.flow.states


def selling(
    *changed: StateKind,
    keywords: Sequence[Keyword] = sell.flow.keywords,
    facts: Mapping[str, Fact] = MappingProxyType({}),
) -> DialogueEngine:
    """The book with another edition of the flow that sells: some states otherwise, or added at its end."""
    states = {**STATES, **{state.name: state for state in changed}}
    flow = Flow("sell", *states.values(), start=sell.flow.start, facts={**sell.flow.facts, **facts}, keywords=keywords)
    return DialogueEngine(*(flow if other.name == "sell" else other for other in ENGINE.flows.values()))


def objections(engine: DialogueEngine) -> list[str]:
    return [str(fault) for fault in find_faults(engine)]


def spoken(engine: DialogueEngine, words: Words = ENGLISH) -> list[str]:
    return [str(fault) for fault in find_wording_faults(engine, PLACE, words, USSD)]


def test_the_book_as_it_is_has_no_fault() -> None:
    assert objections(ENGINE) == []
    assert objections(selling()) == []


def test_a_flow_that_nobody_can_open_is_named() -> None:
    lost = Flow("lost", Notice("here", "Nobody reads this."))
    assert objections(DialogueEngine(*ENGINE.flows.values(), lost)) == ["lost: no other flow and no keyword leads here"]


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
def test_what_is_wrong_with_a_state_is_named(changed: StateKind, problem: str) -> None:
    assert problem in objections(selling(changed))


def test_what_a_command_brings_and_what_a_door_carries_may_be_named() -> None:
    home = Flow("home", Menu("menu", "At home.", Option("A tale", Enter("tale")), Option("A deed", Enter("deed"))))
    ask = Ask("word", "A word?", then=Enter("told", carry=("word",)), check=length(1, 9))
    act = Act("doing", command=lambda turn: RequestCall(), done="done", rejected="done")
    told = Flow("told", Notice("told", "You said {word}."))
    deed = Flow("deed", act, Notice("done", "Its number is {number}."))

    assert objections(DialogueEngine(home, CALL, Flow("tale", ask), told, deed)) == []


@pytest.mark.parametrize("keyword", ["SELL", "sell", "MENU", "Uzá"])
def test_a_keyword_that_is_there_twice_is_named(keyword: str) -> None:
    found = objections(selling(keywords=(*sell.flow.keywords, Keyword(keyword))))
    assert [problem for problem in found if not problem.endswith("is a keyword twice")] == []
    assert found[-1].startswith("sell: ")


# In a language.


def saying(text: Callable[[str], str]) -> Words:
    return Words("xx", text, ENGLISH.plural, ENGLISH.money, ENGLISH.day)


def test_the_book_can_be_said_in_english_as_it_is() -> None:
    assert spoken(ENGINE) == []


@pytest.mark.parametrize("translated", ["Bei ni sawa?", "Bei ya {prise} ni sawa?", "{price} na {title}?"])
def test_a_translation_with_other_fields_is_named(translated: str) -> None:
    message = "{price} for one?"
    words = saying(lambda text: translated if text == message else text)
    assert f"sell.dear: in xx other fields than in: {message}" in spoken(ENGINE, words)


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
def test_what_is_too_long_for_a_screen_is_named(changed: StateKind) -> None:
    assert spoken(selling(changed)) == [f"sell.{changed.name}: in en too long for ussd"]


def test_a_translation_that_is_too_long_is_named() -> None:
    words = saying(lambda text: text * 8 if "for one" in text else text)
    assert "sell.dear: in xx too long for ussd" in spoken(ENGINE, words)


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
        '    state "to home" as to_home',
        '    state "to noted" as to_noted',
        "    [*] --> sure: if is_artisan",
        "    [*] --> told",
        "    sure --> asking: yes",
        "    sure --> to_home: no",
        "    asking --> told: done, rejected",
        "    asking --> sure: rejected if because(a, b)",
        "    asking --> to_noted: queued",
        "    told --> [*]",
    ]


def test_a_label_holds_no_sign_that_would_end_it() -> None:
    flow = Flow("tale", Menu("pick", "Pick.", Option("This: one; or two", "told")), Notice("told", "Told."))
    assert "    pick --> told: This, one, or two" in mermaid(flow).splitlines()


def test_every_guard_of_the_book_has_a_name_in_its_source() -> None:
    guards = [edge.go.when for flow in ENGINE.flows.values() for _, edge in flow.rows if edge.go.when]
    assert [guard for guard in guards if "<" in name_of(guard)] == []


# The walk.


def walked(engine: DialogueEngine, channel: Channel = USSD, text: str = "SELL") -> list[Phone]:
    """A phone for every screen of the flow that sells, as an artisan comes to them."""
    begun = Phone(engine, full(SELLER), channel, PLACE)
    begun.texts(text)
    return list(explored([begun], lambda phone: phone.conversation.flow == "sell"))


@pytest.mark.parametrize(
    "law", [laws.without_a_way_home, laws.cut_short, laws.outside_gsm7, laws.struck_dumb, laws.lost_by_a_break]
)
@pytest.mark.parametrize("channel", [USSD, SMS], ids=lambda channel: channel.name)
def test_no_law_objects_to_selling_as_it_is(law: laws.Law, channel: Channel) -> None:
    assert law(walked(selling(), channel)) == []


def test_a_state_whose_guard_never_opens_is_never_come_to() -> None:
    def never(_turn: Turn) -> bool:
        return False

    price = AskMoney("price", "How much?", check=sell.PRICE, then=[Go("dear", when=never), Go("quantity")])
    assert objections(engine := selling(price)) == []
    assert "sell.dear" in laws.never_come_to(engine, walked(engine))
    assert "sell.dear" not in laws.never_come_to(ENGINE, walked(selling()))


def test_a_home_that_leads_away_is_no_way_home() -> None:
    states = home.flow.states.values()
    away = Flow("home", *states, start=[Go(Enter("language"), when=home.is_new), Go(Enter("sell"))])
    engine = DialogueEngine(away, *(flow for flow in selling().flows.values() if flow.name != "home"))
    assert laws.without_a_way_home(walked(engine)) != []


@pytest.mark.parametrize(
    ("channel", "changed"),
    [
        (USSD, Confirm("review", "Sell it? You earn {earns} each.", yes="listing", no="title")),
        (USSD, Notice("listed", "{title}: {title}, {title}, {title}.")),
        (SMS, Notice("listed", "It is on sale. " * 11)),
        (SMS, Notice("listed", "It is on sale. " * 21, segments=2)),
    ],
    ids=["a fact", "an answer", "a text of two segments", "a text of three"],
)
def test_a_screen_or_text_that_has_to_be_cut_is_found(channel: Channel, changed: StateKind) -> None:
    found = laws.cut_short(walked(selling(changed, facts={"earns": lambda turn: "W" * 150}), channel))
    assert {problem.split(":")[0] for problem in found} == {f"sell.{changed.name}"}


def test_a_text_may_have_the_segments_it_says() -> None:
    assert laws.cut_short(walked(selling(Notice("listed", "It is on sale. " * 20, segments=2)), SMS)) == []


def test_a_line_that_is_not_gsm7_is_found() -> None:
    kikuyu = PagedList(
        "category",
        "Kind?",
        items=lambda turn: [Choice("a", "Kĩondo"), Choice("b", "Other")],
        then="price",
        verbatim=True,
    )
    assert laws.outside_gsm7(walked(selling(kikuyu))) != []


def short_of_breath(_turn: Turn, title: str) -> bool:
    return 1 // (len(title) < 1000) > 0


def test_a_check_that_cannot_bear_an_answer_is_found() -> None:
    title = Ask("title", "What?", then="category", check=replace(length(3, 40), passes=short_of_breath))
    found = laws.struck_dumb(walked(selling(title)))
    assert {problem.partition(":")[0] for problem in found} == {"sell.title"}
    assert "raises ZeroDivisionError" in found[0]


def test_an_answer_that_does_not_fit_is_found() -> None:
    title = Ask("title", "What?", then="category", check=replace(length(3, 40), problem="That is too long. " * 10))
    assert laws.struck_dumb(walked(selling(title))) != []


def test_a_question_that_takes_anything_never_brings_a_person() -> None:
    assert laws.stuck_without_a_person(walked(selling())) == []
    found = laws.stuck_without_a_person(walked(selling(Ask("title", "What?", then="category"))))
    assert {problem.partition(":")[0] for problem in found} == {"sell.title"}


class Forgetful(AskQuantity):
    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        turn.conversation.answers.pop(self.name, None)


class Hasty(Confirm):
    resume_before = False


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (Hasty("review", "Right?", yes="listing", no="title"), "sell.review: by ussd goes on at sell.review"),
        (Hasty("review", "Right?", yes="listing", no="title"), "sell.review: by sms goes on at sell.review"),
        (Forgetful("quantity", "How many?", then="review"), "sell.review: by sms goes on at sell.quantity with"),
    ],
)
def test_what_a_break_would_lose_or_answer_unseen_is_found(changed: StateKind, problem: str) -> None:
    found = laws.lost_by_a_break(walked(selling(changed)))
    assert [each for each in found if each.startswith(problem)] != []


def test_a_break_that_is_not_asked_about_is_found() -> None:
    class Rushing(DialogueEngine):
        def ask_to_resume(self, conversation: Conversation) -> None:
            """Goes on as if nothing had happened."""

    assert laws.lost_by_a_break(walked(Rushing(*selling().flows.values()))) != []


# At random.


def dearer(turn: Turn) -> ListProduct:
    return ListProduct(turn["title"], turn["category"], turn["price"] * 10, turn["quantity"])


ticks = count()


@pytest.mark.parametrize(
    "changed",
    [
        AskQuantity("quantity", "How many?", check=between(1, 999), then="listing"),
        Act("listing", command=dearer, done="listed", rejected="not_listed"),
        Notice("listed", "On sale, {tick}."),
        Notice("listed", ""),
    ],
    ids=["not confirmed", "not what was confirmed", "not alike when it is repeated", "not said"],
)
def test_two_neighbours_at_random_find_what_is_wrong(changed: StateKind) -> None:
    class Broken(Talk):
        engine = selling(changed, facts={"tick": lambda turn: next(ticks)})

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Broken,
            settings=settings(
                max_examples=200, database=None, derandomize=True, deadline=None, phases=[Phase.generate]
            ),
        )


# What the hall says beside the flows.


@pytest.mark.parametrize("message", ["Did you mean {guess}?", "Your last call was cut off.", "Home"])
def test_what_is_asked_beside_the_flows_is_proved_too(message: str) -> None:
    words = saying(lambda text: "{gues}? " if text == message else text)
    assert f"beside the flows: in xx other fields than in: {message}" in spoken(ENGINE, words)
