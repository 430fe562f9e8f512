"""Navigation: back, home, into other flows and out again, and continuing after a dropped call."""

from __future__ import annotations

import pytest

from flows.commands import RequestCall
from flows.kit import (
    Act,
    Ask,
    AskPin,
    AskQuantity,
    Choice,
    Confirm,
    DialogueEngine,
    Enter,
    Flow,
    Go,
    Gone,
    Menu,
    Notice,
    Option,
    PagedList,
    Turn,
)
from flows.kit.state_kinds.base import StateKind
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import AMINA, HOME, FakePhone, start

THREE = (
    Ask("one", "First?", then="two"),
    Ask("two", "Second?", then="three"),
    AskQuantity("three", "Third?", then="end"),
    Notice("end", "{one} {two} {three}"),
)
INNER = Flow("inner", Ask("deep", "How deep?", then="done"), Notice("done", "{deep}, {taken}."))


def heading(screen: str) -> str:
    return screen.split("\n")[0].split(" ", 1)[1]


def is_many(turn: Turn) -> bool:
    return bool(turn["count"] > 10)


class TestBack:
    def test_goes_to_the_screen_before(self) -> None:
        phone = start(*THREE)
        phone.says("a", "b")
        assert heading(phone.says("0")) == "Second?"
        assert heading(phone.says("0")) == "First?"

    def test_asks_again_and_the_new_answer_counts(self) -> None:
        assert start(*THREE).says("a", "b", "0", "0", "x", "y", "3") == "END x y 3"

    def test_goes_the_way_that_the_conversation_took_where_two_ways_meet(self) -> None:
        phone = start(
            AskQuantity("count", "How many?", then=[Go("sure", when=is_many), Go("name")]),
            Confirm("sure", "So many?", yes="name", no="count"),
            Ask("name", "Who?", then="end"),
            Notice("end", "End."),
        )
        assert heading(phone.says("3", "0")) == "How many?"
        phone.says("30", "1")
        assert heading(phone.says("0")) == "So many?"
        assert heading(phone.says("0")) == "How many?"

    def test_never_loops(self) -> None:
        """A state that an edge reaches again ends the trail; it is not added to it."""
        phone = start(
            Ask("name", "Who?", then="sure"),
            Confirm("sure", "Sure?", yes="end", no="name"),
            Notice("end", "End."),
        )
        phone.says("Amina", "no", "Njeri", "no")
        assert phone.conversation.trail == []
        assert heading(phone.says("0")) == "At home."

    def test_from_the_first_screen_of_a_conversation_leads_home(self) -> None:
        assert heading(start(*THREE).says("0")) == "At home."

    def test_forgets_the_last_problem(self) -> None:
        assert start(*THREE).says("a", "b", "none", "0") == "CON Second?\n0. Back\n00. Home"


class TestHome:
    @pytest.mark.parametrize("said", [(), ("a",), ("a", "b", "nonsense"), ("a", "b", "none", "never")])
    def test_is_reached_from_anywhere(self, said: tuple[str, ...]) -> None:
        phone = start(*THREE)
        phone.says(*said)
        assert phone.says("00") == "CON At home.\n1. A sample\n2. Another"

    def test_deletes_all_answers_and_the_trail(self) -> None:
        phone = start(*THREE)
        phone.says("a", "00")
        assert (phone.conversation.answers, phone.conversation.trail, phone.conversation.return_stack) == ({}, [], [])

    def test_shows_navigation_inside_but_not_on_its_first_screen(self) -> None:
        phone = start(*THREE)
        assert phone.dials().endswith("2. Another")
        assert phone.says("2").endswith("0. Back\n00. Home")


class TestAnotherFlow:
    def enter(self) -> FakePhone:
        phone = start(
            Ask("taken", "What to take?", then="door"),
            Menu("door", "Which door?", Option("Inner", Enter("inner", carry=("taken",)))),
            flows=(INNER,),
        )
        phone.says("bread", "1")
        return phone

    def test_is_entered_with_what_is_carried(self) -> None:
        phone = self.enter()
        assert phone.position == "inner.deep"
        assert phone.conversation.answers == {"taken": "bread"}
        assert phone.says("very") == "END very, bread."

    def test_is_left_by_back_to_the_screen_it_was_entered_from(self) -> None:
        phone = self.enter()
        assert phone.says("0") == "CON Which door?\n1. Inner\n0. Back\n00. Home"
        assert heading(phone.says("0")) == "What to take?"

    def test_restores_the_answers_of_the_flow_that_entered_it(self) -> None:
        phone = self.enter()
        phone.says("0")
        assert phone.conversation.answers["taken"] == "bread"

    def test_returns_through_all_flows_that_were_entered(self) -> None:
        outer = Flow("outer", Menu("door", "Outer door?", Option("Tale", Enter("sample"))))
        phone = start(Menu("door", "Which door?", Option("Inner", Enter("inner"))), flows=(INNER, outer))
        phone.opens("outer")
        phone.says("1", "1")
        assert [heading(phone.says("0")) for _ in range(3)] == ["Which door?", "Outer door?", "At home."]

    def test_is_left_for_home_if_the_state_it_was_entered_from_no_longer_exists(self) -> None:
        for engine in (DialogueEngine(HOME, INNER), DialogueEngine(HOME, INNER, Flow("sample", *THREE))):
            phone = self.enter()
            phone.engine = engine
            assert engine.is_current(phone.conversation)
            assert heading(phone.says("0")) == "At home."


class TestADroppedCall:
    QUESTION = "CON Go on where you stopped?\n1. Continue\n2. Start again"

    def test_is_continued_with_all_answers(self) -> None:
        phone = start(*THREE)
        phone.says("a")
        assert phone.drops_and_dials() == self.QUESTION
        assert heading(phone.says("1")) == "Second?"
        assert phone.says("b", "3") == "END a b 3"

    def test_may_be_answered_by_starting_again(self) -> None:
        phone = start(*THREE)
        phone.says("a")
        phone.drops_and_dials()
        assert heading(phone.says("2")) == "At home."

    @pytest.mark.parametrize("said", ["", "0", "7", "98", "what?", "a*b"])
    def test_is_asked_about_until_it_is_answered(self, said: str) -> None:
        phone = start(*THREE)
        phone.says("a")
        phone.drops_and_dials()
        assert phone.says(said) == self.QUESTION
        assert heading(phone.says("continue")) == "Second?"

    def test_at_a_confirmation_resumes_one_question_earlier(self) -> None:
        phone = start(
            Ask("name", "Who?", then="sure"),
            Confirm("sure", "Sure?", yes="end", no="name"),
            Notice("end", "End."),
        )
        phone.says("Amina")
        phone.drops_and_dials()
        assert heading(phone.says("1")) == "Who?"

    def test_at_a_pin_resumes_one_question_earlier(self) -> None:
        phone = start(Ask("name", "Who?", then="pin"), AskPin("pin", "Which PIN?", then="end"), Notice("end", "End."))
        phone.says("Amina")
        phone.drops_and_dials()
        assert heading(phone.says("1")) == "Who?"

    def test_at_a_confirmation_with_nothing_before_it_shows_it_anew(self) -> None:
        phone = start(Confirm("sure", "Sure?", yes="end", no="end"), Notice("end", "End."))
        phone.drops_and_dials()
        assert phone.says("1").startswith("CON Sure?\n1. Yes")

    def test_at_a_confirmation_behind_a_command_begins_its_flow_again(self) -> None:
        phone = start(
            Ask("name", "Who?", then="finding"),
            Act("finding", command=lambda turn: RequestCall(), done="sure", rejected="sure"),
            Confirm("sure", "Sure?", yes="end", no="end"),
            Notice("end", "End."),
        )
        assert heading(phone.says("Amina")) == "Sure?"
        phone.drops_and_dials()
        assert heading(phone.says("1")) == "Who?"

    def test_resumes_before_all_confirmations_in_a_row(self) -> None:
        phone = start(
            Ask("name", "Who?", then="pin"),
            AskPin("pin", "Which PIN?", then="sure"),
            Confirm("sure", "Sure?", yes="end", no="end"),
            Notice("end", "End."),
        )
        phone.says("Amina", "2468")
        phone.drops_and_dials()
        assert heading(phone.says("1")) == "Who?"

    @pytest.mark.parametrize("stuck", [("some",), ("some", "many"), ("O3",)])
    def test_ends_any_other_side_prompt(self, stuck: tuple[str, ...]) -> None:
        phone = start(*THREE)
        phone.says("a", "b", *stuck)
        assert phone.drops_and_dials() == self.QUESTION
        phone.says("1")
        assert phone.says("3") == "END a b 3"

    def test_can_be_continued_by_text(self) -> None:
        phone = start(*THREE)
        phone.says("a")
        phone.drops_and_dials()
        assert heading(phone.resumes_by_text()) == "Second?"

    def test_is_asked_about_only_if_a_flow_was_begun(self) -> None:
        phone = start(*THREE)
        assert phone.engine.worth_resuming(phone.conversation)
        phone.says("a", "b", "3")
        assert not phone.engine.worth_resuming(phone.conversation)
        phone.dials()
        assert not phone.engine.worth_resuming(phone.conversation)


class TestAnotherVersion:
    def test_of_a_flow_does_not_continue_older_conversations(self) -> None:
        phone = start(*THREE)
        assert phone.engine.is_current(phone.conversation)
        assert not DialogueEngine(HOME, Flow("sample", *THREE, version=2)).is_current(phone.conversation)

    def test_without_the_state_or_the_flow_does_not_continue_them(self) -> None:
        phone = start(*THREE)
        phone.says("a")
        assert not DialogueEngine(HOME, Flow("sample", THREE[0], THREE[3])).is_current(phone.conversation)
        assert not DialogueEngine(HOME).is_current(phone.conversation)


def test_a_flow_may_begin_in_several_ways() -> None:
    flow = Flow(
        "gate",
        Notice("friend", "Come in, {name}."),
        Notice("stranger", "Who are you?"),
        start=[Go("friend", when=lambda turn: turn.person.artisan), Go("stranger")],
    )
    assert start(*THREE, flows=(flow,)).opens("gate") == "END Come in, Amina."


def test_a_person_without_a_language_sees_no_navigation() -> None:
    phone = FakePhone(DialogueEngine(HOME, Flow("sample", *THREE)), FakeMarketplace(type(AMINA)("+254711000222")))
    assert phone.opens("sample") == "CON First?"


def test_asking_for_a_call_ends_the_conversation_with_one_request() -> None:
    phone = start(*THREE)
    phone.says("a", "b", "none", "never", "1")
    assert phone.shown == "END We call you."
    assert phone.marketplace.callbacks == [AMINA.msisdn]


class TestASubjectThatNoLongerExists:
    def phone(self) -> FakePhone:
        self.eggs = ["brown", "white"]

        def chosen(turn: Turn) -> str:
            if turn["egg"] not in self.eggs:
                raise Gone(turn["egg"])
            return str(turn["egg"])

        phone = start(
            PagedList("egg", "Which egg?", items=lambda _turn: [Choice(egg, egg) for egg in self.eggs], then="sure"),
            Confirm("sure", "The {chosen} one?", yes="end", no="egg"),
            Notice("end", "The {chosen} one."),
            facts={"chosen": chosen},
        )
        phone.says("white")
        self.eggs.remove("white")
        return phone

    @pytest.mark.parametrize("said", ["1", "2", "what?", "0"])
    def test_makes_its_flow_begin_again(self, said: str) -> None:
        assert self.phone().says(said).startswith("CON Which egg?\n1. brown\n0. Back")

    def test_is_noticed_after_a_dropped_call_too(self) -> None:
        phone = self.phone()
        phone.drops_and_dials()
        assert phone.says("1").startswith("CON Which egg?\n1. brown\n0. Back")

    def test_may_be_noticed_by_the_command_about_it(self) -> None:
        phone = self.phone()

        def command(turn: Turn) -> RequestCall:
            if turn["egg"] not in self.eggs:
                raise Gone(turn["egg"])
            return RequestCall()

        states = phone.engine.flows["sample"].states
        phone.engine = DialogueEngine(
            HOME,
            Flow(
                "sample",
                states["egg"],
                Confirm("sure", "This one?", yes="doing", no="egg"),
                Act("doing", command=command, done="end", rejected="end"),
                Notice("end", "Done."),
            ),
        )
        assert phone.says("1").startswith("CON Which egg?\n1. brown\n0. Back")
        assert phone.says("1", "1") == "END Done."


class TestMenusThatWereOnlyRead:
    """A call that is left in a menu or list is cut off only if something was typed before."""

    LINES = (Option("A line", "second"), Option("Another", "second"))

    def menus(self, *before: StateKind) -> FakePhone:
        return start(
            *before,
            Menu("first", "First?", *self.LINES),
            Menu("second", "Second?", Option("A line", "end")),
            Notice("end", "End."),
        )

    def test_are_not_cut_off(self) -> None:
        phone = self.menus()
        for typed in ("1", "0", "2"):
            assert not phone.engine.worth_resuming(phone.conversation)
            phone.says(typed)

    def test_are_cut_off_after_a_typed_answer(self) -> None:
        phone = self.menus(Ask("name", "Who?", then="first"))
        phone.says("Amina", "1")
        assert phone.engine.worth_resuming(phone.conversation)

    def test_are_cut_off_while_an_answer_given_ahead_waits(self) -> None:
        phone = self.menus()
        phone.opens("sample", count="3")
        assert phone.engine.worth_resuming(phone.conversation)

    def test_are_not_cut_off_at_an_optional_question(self) -> None:
        phone = start(
            Ask("name", "Who?", then="left"),
            AskQuantity("left", "How many left?", then="end", optional=True),
            Notice("end", "End."),
        )
        assert phone.engine.is_cut_off(phone.conversation)
        phone.says("Amina")
        assert not phone.engine.is_cut_off(phone.conversation)
