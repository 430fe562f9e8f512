"""Commands: asked for as data, answered by an edge, and never undone by going back."""

from __future__ import annotations

import pytest

from flows.commands import Command, ListProduct, Outcome, RequestCall
from flows.kit import Act, Ask, AskDigits, AskMoney, Confirm, Enter, Go, Notice, Turn
from flows.kit.flow import because
from flows.kit.state_kinds.base import StateKind

from .conftest import Phone, tale


def list_it(turn: Turn) -> ListProduct:
    return ListProduct(turn["title"], "baskets", turn["price"], 1)


SALE: tuple[StateKind, ...] = (
    Ask("title", "What?", then="price"),
    AskMoney("price", "How much?", then="sure"),
    Confirm("sure", "Sell {title} at {price}?", yes="selling", no="title"),
    Act(
        "selling",
        command=list_it,
        done="sold",
        queued="noted",
        rejected=[Go("full", when=because("shelf_full", "no_room")), Go("refused")],
    ),
    Notice("sold", "{title}: {code}."),
    Notice("noted", "{title} is noted."),
    Notice("full", "No room for more than {most}."),
    Notice("refused", "Not {title}."),
)


def answers(phone: Phone, outcome: Outcome) -> Phone:
    """The phone, in a village that answers so to whatever it is told."""
    phone.performs = lambda _village, _command: outcome
    return phone


def test_a_command_is_data_made_from_the_answers() -> None:
    phone = tale(*SALE)
    phone.says("Kiondo", "1,500")
    turn = phone.turn()
    phone.engine.handle_input(turn, "1")
    assert phone.engine.pending_command(turn) == ListProduct("Kiondo", "baskets", 1500_00, 1)
    assert phone.village.shelf == {}


def test_nothing_is_to_be_done_while_a_person_is_waited_for() -> None:
    phone = tale(*SALE)
    assert phone.engine.pending_command(phone.turn()) is None


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (Outcome("done", values={"code": "A7P4"}), "END Kiondo: A7P4."),
        (Outcome("queued"), "END Kiondo is noted."),
        (Outcome("rejected", "shelf_full", {"most": 9}), "END No room for more than 9."),
        (Outcome("rejected", "no_room", {"most": 0}), "END No room for more than 0."),
        (Outcome("rejected", "any_other"), "END Not Kiondo."),
        (Outcome("rejected"), "END Not Kiondo."),
    ],
)
def test_each_outcome_has_its_way_on_and_its_values_can_be_named(outcome: Outcome, shown: str) -> None:
    assert answers(tale(*SALE), outcome).says("Kiondo", "1500", "yes") == shown


def test_what_is_queued_is_noted_where_nothing_else_is_said() -> None:
    act = Act("asking", command=lambda turn: RequestCall(), done="end", rejected="not")
    phone = tale(Ask("name", "Who?", then="asking"), act, Notice("end", "Done."), Notice("not", "Not done."))
    assert answers(phone, Outcome("queued")).says("Amina").startswith("END Noted. The shop cannot be reached just now")
    assert act.promises_text


def test_who_is_told_something_else_is_promised_nothing() -> None:
    act = Act("asking", command=lambda turn: RequestCall(), done="end", queued="end", rejected="end")
    phone = tale(Ask("name", "Who?", then="asking"), act, Notice("end", "Done."))
    assert answers(phone, Outcome("queued")).says("Amina") == "END Done."
    assert not act.promises_text


def test_a_command_has_one_key_however_it_is_come_to_and_the_next_has_another() -> None:
    keys = []

    def ask(turn: Turn) -> Command:
        keys.append(turn.conversation.command_key)
        return RequestCall()

    phone = tale(
        Ask("one", "First?", then="first"),
        Act("first", command=ask, done="two", rejected="two"),
        Ask("two", "Second?", then="second"),
        Act("second", command=ask, done="end", rejected="end"),
        Notice("end", "End."),
    )
    phone.says("a", "00", "1", "b", "c")
    assert keys == ["call-1:0", "call-1:1", "call-1:2"]


def test_a_hop_that_is_heard_again_asks_for_the_same_command_under_the_same_key() -> None:
    phone = tale(*SALE)
    phone.says("Kiondo", "1500")
    first, again = phone.turn(), tale(*SALE)
    phone.engine.handle_input(first, "1")
    again.says("Kiondo", "1500")
    second = again.turn()
    again.engine.handle_input(second, "yes")
    assert phone.engine.pending_command(first) == again.engine.pending_command(second)
    assert first.conversation.command_key == second.conversation.command_key


class TestAfterACommand:
    def phone(self) -> Phone:
        return tale(
            Ask("name", "Who?", then="asking"),
            Act("asking", command=lambda turn: RequestCall(), done="more", rejected="more"),
            Ask("more", "Anything else?", then="end"),
            Notice("end", "End."),
        )

    def test_there_is_no_way_back_over_it(self) -> None:
        phone = self.phone()
        phone.says("Amina")
        assert phone.says("0").startswith("CON At home.")
        assert len(phone.village.callers) == 1

    def test_there_is_none_to_a_caller_either(self) -> None:
        outer = tale(Ask("x", "Go?", then=Go(Enter("call"))))
        outer.says("yes")
        assert (outer.conversation.return_stack, outer.conversation.trail) == ([], [])

    def test_what_follows_goes_on_as_ever(self) -> None:
        assert self.phone().says("Amina", "no") == "END End."


class TestASecret:
    def phone(self, rejected: str = "digits") -> Phone:
        return tale(
            AskDigits("digits", "Which digits?", digits=4, then="asking"),
            Act("asking", command=lambda turn: RequestCall(), done="end", rejected=rejected),
            Notice("end", "End."),
        )

    @pytest.mark.parametrize("kind", ["done", "queued", "rejected"])
    def test_is_gone_once_its_command_was_answered(self, kind: str) -> None:
        phone = answers(self.phone(), Outcome(kind))  # type: ignore[arg-type]
        phone.says("2468")
        assert "2468" not in str(phone.conversation)

    def test_is_there_for_the_command(self) -> None:
        phone = self.phone()
        turn = phone.turn()
        phone.engine.handle_input(turn, "2468")
        assert turn["digits"] == "2468"

    def test_that_was_refused_is_not_kept(self) -> None:
        phone = self.phone()
        phone.says("24680")
        assert "24680" not in str(phone.conversation)


class TestANotice:
    def test_ends_the_conversation(self) -> None:
        phone = tale(Notice("end", "The end."))
        assert phone.shown == "END The end."
        assert phone.conversation.over

    def test_that_stays_has_ways_out_and_any_other_answer_leads_home(self) -> None:
        phone = tale(Notice("read", "Read me.", stays=True))
        assert phone.shown == "CON Read me.\n0. Back\n00. Home"
        assert not phone.conversation.over
        assert phone.says("thanks").startswith("CON At home.")
