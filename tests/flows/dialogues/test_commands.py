"""The command at the end of a dialogue, for every way through the dialogue, with steps back and repeated answers."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from flows.commands import AcceptOrder, Command, Outcome, ReceiveGoods, ReleaseOrder, SendStatement
from flows.dialogues import ENGINE
from flows.kit import SMS, USSD, Channel
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import AMINA, FakePhone

AGENT = replace(AMINA, artisan=False, agent=True, kiosk="Lakeside")


def marketplace(*, agent: bool) -> FakeMarketplace:
    """Expected: an order of five pieces (W4M5) and two parts of another (B2N3). Two orders wait for an answer."""
    marketplace = FakeMarketplace(AGENT if agent else AMINA)
    marketplace.add_order("W4M5", "Kiondo", 5, 6750_00, "accepted")
    marketplace.add_order("B2N3", "Kiondo", 20, 27000_00, "accepted")
    marketplace.add_order("B2N3", "Kiondo", 30, 40500_00, "accepted")
    marketplace.add_order("K7P4", "Kiondo", 5, 6750_00)
    marketplace.add_order("C3D4", "Kiondo", 90, 121500_00, brief=True, due_on=date(2026, 12, 9))
    return marketplace


def play(
    said: list[str], *, agent: bool = False, text: str = "", channel: Channel = USSD
) -> tuple[list[Command], FakePhone]:
    """The commands that this input leads to, and the phone after it."""
    commands: list[Command] = []

    def performs(marketplace: FakeMarketplace, command: Command) -> Outcome:
        commands.append(command)
        return marketplace.perform(command)

    phone = FakePhone(ENGINE, marketplace(agent=agent), channel, performs=performs)
    phone.texts(text) if text else phone.dials()
    phone.says(*said)
    return commands, phone


RECEIVE, ORDERS = ["1", "W4M5"], ["3"]


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (["5", "1"], ReceiveGoods(1, 5)),
        (["6", "5", "1"], ReceiveGoods(1, 5)),
        (["3", "1", "1"], ReceiveGoods(1, 3, follows=True)),
        (["3", "1", "2"], ReceiveGoods(1, 3)),
        (["3", "3", "5", "1"], ReceiveGoods(1, 5)),
        (["5", "2", "2", "1", "1", "1"], ReceiveGoods(1, 3, refused=2, reason="damaged", follows=True)),
        (["5", "2", "2", "2", "2", "1"], ReceiveGoods(1, 3, refused=2, reason="different")),
        (["4", "2", "4", "3", "2", "yes"], ReceiveGoods(1, 0, refused=4, reason="badly_made")),
        (["4", "2", "6", "4", "4", "1", "1"], ReceiveGoods(1, 0, refused=4, reason="other", follows=True)),
    ],
)
def test_goods_are_received_as_they_were_counted_and_checked(said: list[str], command: ReceiveGoods) -> None:
    commands, _ = play([*RECEIVE, *said], agent=True)
    assert commands == [command]


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (["5", "2", "2", "1", "1", "0", "0", "0", "0", "1"], ReceiveGoods(1, 5)),
        (["3", "1", "0", "0", "5", "1"], ReceiveGoods(1, 5)),
        (["3", "2", "1", "1", "1", "2", "4", "1", "2"], ReceiveGoods(1, 4)),
    ],
)
def test_answers_that_were_taken_back_do_not_count(said: list[str], command: ReceiveGoods) -> None:
    commands, _ = play([*RECEIVE, *said], agent=True)
    assert commands == [command]


def test_the_agent_says_whose_part_came_if_there_are_several() -> None:
    commands, phone = play(["1", "B2N3"], agent=True)
    assert phone.lines[:3] == ["Whose goods are they?", "1. Amina, 20", "2. Amina, 30"]
    phone.says("2", "30", "1")
    assert commands == [ReceiveGoods(3, 30)]


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (["4", "1"], AcceptOrder("K7P4", all=True)),
        (["4", "2", "3", "10"], AcceptOrder("K7P4", 3, 10)),
        (["4", "2", "9", "3", "90", "10"], AcceptOrder("K7P4", 3, 10)),
        (["4", "2", "3", "0", "0", "1"], AcceptOrder("K7P4", all=True)),
        (["5", "1"], AcceptOrder("C3D4", all=True)),
        (["5", "2", "40", "15"], AcceptOrder("C3D4", 40, 15)),
        (["1", "2", "1"], ReleaseOrder("W4M5")),
    ],
)
def test_an_order_is_answered_with_the_last_answers(said: list[str], command: Command) -> None:
    commands, _ = play([*ORDERS, *said])
    assert commands == [command]


def test_after_too_late_a_day_only_the_day_is_asked_again() -> None:
    commands, phone = play([*ORDERS, "5", "2", "40", "16"])
    assert phone.lines[0] == "It has to be at the kiosk by 9 Dec. In how many days can you bring it?"
    phone.says("15")
    assert commands == [AcceptOrder("C3D4", 40, 16), AcceptOrder("C3D4", 40, 15)]
    assert phone.shown.startswith("END Order C3D4 is yours")
    assert "by 9 Dec" in phone.shown


def test_after_too_many_pieces_by_text_only_the_count_is_asked_again() -> None:
    commands, phone = play(["2"], text="YES K7P4 9 4", channel=SMS)
    assert commands == [AcceptOrder("K7P4", 9, 4), AcceptOrder("K7P4", 2, 4)]
    assert phone.shown.startswith("Order K7P4 is yours")


def test_an_order_is_not_given_back_after_no() -> None:
    commands, phone = play([*ORDERS, "1", "2", "2"])
    assert (commands, phone.position) == ([], "orders.code")


@pytest.mark.parametrize(("channel", "commands"), [(USSD, [SendStatement()]), (SMS, [])])
def test_a_statement_is_texted_after_a_call_and_is_the_answer_to_a_text(
    channel: Channel, commands: list[Command]
) -> None:
    asked, _ = play([], text="STATEMENT", channel=channel)
    assert asked == commands
