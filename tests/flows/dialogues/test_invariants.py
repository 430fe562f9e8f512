"""Each invariant finds its violation, shown on changed copies of the flow `sell`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import count

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from flows.commands import ListProduct
from flows.dialogues import ENGINE, home, sell
from flows.kit import (
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
    Notice,
    PagedList,
    Person,
    Turn,
    between,
    length,
)
from flows.kit.state_kinds.base import StateKind
from flows.kit.validation import find_faults
from tests.flows.dialogues import invariants
from tests.flows.dialogues.changed_flow import with_sell_changed
from tests.flows.dialogues.exploration import WIDEST, full_marketplace, screens_from
from tests.flows.dialogues.test_random_talk import RandomTalk
from tests.flows.phone import PLACE, FakePhone

SELLER = Person("+254711000111", "en", name=WIDEST, artisan=True)


def screens_of_sell(engine: DialogueEngine, channel: Channel = USSD) -> list[FakePhone]:
    """A phone for every screen of the flow `sell`, as an artisan reaches them."""
    phone = FakePhone(engine, full_marketplace(SELLER), channel, PLACE)
    phone.texts("SELL")
    return screens_from([phone], lambda phone: phone.conversation.flow == "sell")


def screens_with(changed: StateKind, channel: Channel = USSD, **facts: str) -> list[FakePhone]:
    """The same with one state changed, and with these facts."""
    made = {name: lambda turn, value=value: value for name, value in facts.items()}
    return screens_of_sell(with_sell_changed(changed, facts=made), channel)


@cache
def unchanged(channel: Channel) -> list[FakePhone]:
    """The same for the unchanged flow."""
    return screens_of_sell(with_sell_changed(), channel)


@pytest.mark.parametrize(
    "invariant",
    [
        invariants.no_way_home,
        invariants.too_long,
        invariants.outside_gsm7,
        invariants.unanswered_input,
        invariants.lost_by_a_dropped_call,
    ],
)
@pytest.mark.parametrize("channel", [USSD, SMS], ids=lambda channel: channel.name)
def test_the_unchanged_flow_breaks_no_invariant(invariant: invariants.Invariant, channel: Channel) -> None:
    assert invariant(unchanged(channel)) == []


def test_a_state_whose_guard_never_holds_is_found_unreached() -> None:
    def never(_turn: Turn) -> bool:
        return False

    price = AskMoney("price", "How much?", check=sell.PRICE, then=[Go("dear", when=never), Go("quantity")])
    engine = with_sell_changed(price)
    assert find_faults(engine) == []
    assert "sell.dear" in invariants.unreached_states(engine, screens_of_sell(engine))
    assert "sell.dear" not in invariants.unreached_states(ENGINE, unchanged(USSD))


def test_a_home_key_that_leads_elsewhere_is_found() -> None:
    states = home.flow.states.values()
    elsewhere = Flow("home", *states, start=[Go(Enter("language"), when=home.is_new), Go(Enter("sell"))])
    engine = DialogueEngine(elsewhere, *(flow for flow in with_sell_changed().flows.values() if flow.name != "home"))
    assert invariants.no_way_home(screens_of_sell(engine)) != []


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
def test_a_screen_or_text_that_is_too_long_is_found(channel: Channel, changed: StateKind) -> None:
    found = invariants.too_long(screens_with(changed, channel=channel, earns="W" * 150))
    assert {problem.split(":")[0] for problem in found} == {f"sell.{changed.name}"}


def test_a_text_may_have_as_many_segments_as_its_notice_says() -> None:
    listed = Notice("listed", "It is on sale. " * 20, segments=2)
    assert invariants.too_long(screens_with(listed, channel=SMS)) == []


def test_a_line_outside_gsm7_is_found() -> None:
    kikuyu = PagedList(
        "category",
        "Kind?",
        items=lambda turn: [Choice("a", "Kĩondo"), Choice("b", "Other")],
        then="price",
        verbatim=True,
    )
    assert invariants.outside_gsm7(screens_with(kikuyu)) != []


def fails_on_long_text(_turn: Turn, title: str) -> bool:
    return 1 // (len(title) < 1000) > 0


def test_a_check_that_raises_is_found() -> None:
    title = Ask("title", "What?", then="category", check=replace(length(3, 40), passes=fails_on_long_text))
    found = invariants.unanswered_input(screens_with(title))
    assert {problem.partition(":")[0] for problem in found} == {"sell.title"}
    assert "raises ZeroDivisionError" in found[0]


def test_a_rejection_that_does_not_fit_is_found() -> None:
    title = Ask("title", "What?", then="category", check=replace(length(3, 40), problem="That is too long. " * 10))
    assert invariants.unanswered_input(screens_with(title)) != []


def test_a_question_that_never_offers_a_call_is_found() -> None:
    assert invariants.no_callback_offered(unchanged(USSD)) == []
    found = invariants.no_callback_offered(screens_with(Ask("title", "What?", then="category")))
    assert {problem.partition(":")[0] for problem in found} == {"sell.title"}


class Forgetful(AskQuantity):
    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        turn.conversation.answers.pop(self.name, None)


class ResumedUnseen(Confirm):
    resume_before = False


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (ResumedUnseen("review", "Right?", yes="listing", no="title"), "sell.review: by ussd goes on at sell.review"),
        (ResumedUnseen("review", "Right?", yes="listing", no="title"), "sell.review: by sms goes on at sell.review"),
        (Forgetful("quantity", "How many?", then="review"), "sell.review: by sms goes on at sell.quantity with"),
    ],
)
def test_what_a_dropped_call_would_lose_or_answer_unseen_is_found(changed: StateKind, problem: str) -> None:
    found = invariants.lost_by_a_dropped_call(screens_with(changed))
    assert [each for each in found if each.startswith(problem)] != []


def test_a_dropped_call_that_is_not_asked_about_is_found() -> None:
    class NeverAsking(DialogueEngine):
        def ask_to_resume(self, conversation: Conversation) -> None:
            """Asks nothing."""

    assert invariants.lost_by_a_dropped_call(screens_of_sell(NeverAsking(*with_sell_changed().flows.values()))) != []


# At random.


def ten_times_the_price(turn: Turn) -> ListProduct:
    return ListProduct(turn["title"], turn["category"], turn["price"] * 10, turn["quantity"])


ticks = count()


@pytest.mark.parametrize(
    "changed",
    [
        AskQuantity("quantity", "How many?", check=between(1, 999), then="listing"),
        Act("listing", command=ten_times_the_price, done="listed", rejected="not_listed"),
        Notice("listed", "On sale, {tick}."),
        Notice("listed", ""),
    ],
    ids=["not confirmed", "not what was confirmed", "another answer when repeated", "an empty screen"],
)
def test_random_talk_finds_each_fault(changed: StateKind) -> None:
    class BrokenTalk(RandomTalk):
        engine = with_sell_changed(changed, facts={"tick": lambda turn: next(ticks)})

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            BrokenTalk,
            settings=settings(
                max_examples=200, database=None, derandomize=True, deadline=None, phases=[Phase.generate]
            ),
        )
