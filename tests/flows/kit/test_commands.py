"""Commands: returned as data, answered by an outcome, and never undone by going back."""

from __future__ import annotations

import pytest

from flows.commands import Command, ListProduct, Outcome, RequestCall
from flows.kit import Act, Ask, AskDigits, AskMoney, Confirm, Enter, Go, Notice, Turn
from flows.kit.flow import because
from flows.kit.state_kinds.base import StateKind
from tests.flows.phone import FakePhone, start


def list_product(turn: Turn) -> ListProduct:
    return ListProduct(turn["title"], "baskets", turn["price"], 1)


SALE: tuple[StateKind, ...] = (
    Ask("title", "What?", then="price"),
    AskMoney("price", "How much?", then="sure"),
    Confirm("sure", "Sell {title} at {price}?", yes="selling", no="title"),
    Act(
        "selling",
        command=list_product,
        done="sold",
        queued="noted",
        rejected=[Go("full", when=because("shelf_full", "no_room")), Go("refused")],
    ),
    Notice("sold", "{title}: {code}."),
    Notice("noted", "{title} is noted."),
    Notice("full", "No room for more than {most}."),
    Notice("refused", "Not {title}."),
)


def with_outcome(phone: FakePhone, outcome: Outcome) -> FakePhone:
    """The phone, with a marketplace that answers every command with this outcome."""
    phone.performs = lambda _marketplace, _command: outcome
    return phone


def test_a_command_is_data_made_from_the_answers() -> None:
    phone = start(*SALE)
    phone.says("Kiondo", "1,500")
    turn = phone.turn()
    phone.engine.handle_input(turn, "1")
    assert phone.engine.pending_command(turn) == ListProduct("Kiondo", "baskets", 1500_00, 1)
    assert phone.marketplace.product_by_code == {}


def test_no_command_is_pending_while_the_flow_waits_for_an_answer() -> None:
    phone = start(*SALE)
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
def test_each_outcome_has_its_edge_and_its_values_can_be_used_in_words(outcome: Outcome, shown: str) -> None:
    assert with_outcome(start(*SALE), outcome).says("Kiondo", "1500", "yes") == shown


def test_a_queued_command_leads_to_the_noted_flow_unless_it_has_an_edge_of_its_own() -> None:
    act = Act("asking", command=lambda turn: RequestCall(), done="end", rejected="not")
    phone = start(Ask("name", "Who?", then="asking"), act, Notice("end", "Done."), Notice("not", "Not done."))
    assert (
        with_outcome(phone, Outcome("queued"))
        .says("Amina")
        .startswith("END Noted. The shop cannot be reached just now")
    )
    assert act.promises_text


def test_an_act_with_its_own_edge_for_queued_promises_no_text() -> None:
    act = Act("asking", command=lambda turn: RequestCall(), done="end", queued="end", rejected="end")
    phone = start(Ask("name", "Who?", then="asking"), act, Notice("end", "Done."))
    assert with_outcome(phone, Outcome("queued")).says("Amina") == "END Done."
    assert not act.promises_text


def test_each_command_has_its_own_key_which_does_not_depend_on_the_way_to_it() -> None:
    keys = []

    def ask(turn: Turn) -> Command:
        keys.append(turn.conversation.command_key)
        return RequestCall()

    phone = start(
        Ask("one", "First?", then="first"),
        Act("first", command=ask, done="two", rejected="two"),
        Ask("two", "Second?", then="second"),
        Act("second", command=ask, done="end", rejected="end"),
        Notice("end", "End."),
    )
    phone.says("a", "00", "1", "b", "c")
    assert keys == ["call-1:0", "call-1:1", "call-1:2"]


def test_a_repeated_hop_yields_the_same_command_under_the_same_key() -> None:
    phone = start(*SALE)
    phone.says("Kiondo", "1500")
    first, again = phone.turn(), start(*SALE)
    phone.engine.handle_input(first, "1")
    again.says("Kiondo", "1500")
    second = again.turn()
    again.engine.handle_input(second, "yes")
    assert phone.engine.pending_command(first) == again.engine.pending_command(second)
    assert first.conversation.command_key == second.conversation.command_key


class TestAfterACommand:
    def phone(self) -> FakePhone:
        return start(
            Ask("name", "Who?", then="asking"),
            Act("asking", command=lambda turn: RequestCall(), done="more", rejected="more"),
            Ask("more", "Anything else?", then="end"),
            Notice("end", "End."),
        )

    def test_back_does_not_lead_to_before_it(self) -> None:
        phone = self.phone()
        phone.says("Amina")
        assert phone.says("0").startswith("CON At home.")
        assert len(phone.marketplace.callbacks) == 1

    def test_back_does_not_lead_to_the_flow_that_entered_this_one(self) -> None:
        outer = start(Ask("x", "Go?", then=Go(Enter("call"))))
        outer.says("yes")
        assert (outer.conversation.return_stack, outer.conversation.trail) == ([], [])

    def test_the_flow_goes_on(self) -> None:
        assert self.phone().says("Amina", "no") == "END End."


class TestASecret:
    def phone(self, rejected: str = "digits") -> FakePhone:
        return start(
            AskDigits("digits", "Which digits?", digits=4, then="asking"),
            Act("asking", command=lambda turn: RequestCall(), done="end", rejected=rejected),
            Notice("end", "End."),
        )

    @pytest.mark.parametrize("kind", ["done", "queued", "rejected"])
    def test_is_deleted_once_its_command_has_an_outcome(self, kind: str) -> None:
        phone = with_outcome(self.phone(), Outcome(kind))  # type: ignore[arg-type]
        phone.says("2468")
        assert "2468" not in str(phone.conversation)

    def test_is_known_to_the_command(self) -> None:
        phone = self.phone()
        turn = phone.turn()
        phone.engine.handle_input(turn, "2468")
        assert turn["digits"] == "2468"

    def test_that_was_rejected_is_not_stored(self) -> None:
        phone = self.phone()
        phone.says("24680")
        assert "24680" not in str(phone.conversation)


class TestANotice:
    def test_ends_the_conversation(self) -> None:
        phone = start(Notice("end", "The end."))
        assert phone.shown == "END The end."
        assert phone.conversation.over

    def test_that_stays_shows_navigation_and_any_other_answer_leads_home(self) -> None:
        phone = start(Notice("read", "Read me.", stays=True))
        assert phone.shown == "CON Read me.\n0. Back\n00. Home"
        assert not phone.conversation.over
        assert phone.says("thanks").startswith("CON At home.")
