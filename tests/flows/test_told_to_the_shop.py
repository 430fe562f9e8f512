"""What a dialogue tells the shop in the end, whatever way somebody took through it, and back."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from flows.commands import AcceptOrder, Command, Outcome, ReceiveGoods, ReleaseOrder, SendStatement
from flows.dialogues import ENGINE
from flows.kit import SMS, USSD, Channel

from .conftest import AMINA, Phone
from .market import Village

AGENT = replace(AMINA, artisan=False, agent=True, kiosk="Lakeside")


def village(*, agent: bool) -> Village:
    """Five pieces on their way (W4M5), two parts of another order too (B2N3); two orders that wait for an answer."""
    village = Village(AGENT if agent else AMINA)
    village.order("W4M5", "Kiondo", 5, 6750_00, "accepted")
    village.order("B2N3", "Kiondo", 20, 27000_00, "accepted")
    village.order("B2N3", "Kiondo", 30, 40500_00, "accepted")
    village.order("K7P4", "Kiondo", 5, 6750_00)
    village.order("C3D4", "Kiondo", 90, 121500_00, brief=True, due_on=date(2026, 12, 9))
    return village


def told(
    said: list[str], *, agent: bool = False, text: str = "", channel: Channel = USSD
) -> tuple[list[Command], Phone]:
    """What the shop is told when somebody says this, and her phone after it."""
    commands: list[Command] = []

    def performs(village: Village, command: Command) -> Outcome:
        commands.append(command)
        return village.perform(command)

    phone = Phone(ENGINE, village(agent=agent), channel, performs=performs)
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
def test_goods_are_told_as_they_were_counted_and_looked_at(said: list[str], command: ReceiveGoods) -> None:
    commands, _ = told([*RECEIVE, *said], agent=True)
    assert commands == [command]


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (["5", "2", "2", "1", "1", "0", "0", "0", "0", "1"], ReceiveGoods(1, 5)),
        (["3", "1", "0", "0", "5", "1"], ReceiveGoods(1, 5)),
        (["3", "2", "1", "1", "1", "2", "4", "1", "2"], ReceiveGoods(1, 4)),
    ],
)
def test_what_was_taken_back_is_not_told(said: list[str], command: ReceiveGoods) -> None:
    commands, _ = told([*RECEIVE, *said], agent=True)
    assert commands == [command]


def test_of_several_artisans_parts_the_agent_says_whose_came() -> None:
    commands, phone = told(["1", "B2N3"], agent=True)
    assert phone.lines[:3] == ["Whose goods are they?", "1. Amina, 20", "2. Amina, 30"]
    phone.says("2", "30", "1")
    assert commands == [ReceiveGoods(3, 30)]


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (["4", "1"], AcceptOrder("K7P4")),
        (["4", "2", "3", "10"], AcceptOrder("K7P4", 3, 10)),
        (["4", "2", "9", "3", "90", "10"], AcceptOrder("K7P4", 3, 10)),
        (["4", "2", "3", "0", "0", "1"], AcceptOrder("K7P4")),
        (["5", "1"], AcceptOrder("C3D4")),
        (["5", "2", "40", "15"], AcceptOrder("C3D4", 40, 15)),
        (["1", "2", "1"], ReleaseOrder("W4M5")),
    ],
)
def test_an_order_is_answered_as_she_said_last(said: list[str], command: Command) -> None:
    commands, _ = told([*ORDERS, *said])
    assert commands == [command]


def test_too_late_a_day_is_asked_again_and_nothing_else() -> None:
    commands, phone = told([*ORDERS, "5", "2", "40", "16"])
    assert phone.lines[0] == "It has to be at the kiosk by 9 Dec. In how many days can you bring it?"
    phone.says("15")
    assert commands == [AcceptOrder("C3D4", 40, 16), AcceptOrder("C3D4", 40, 15)]
    assert phone.shown.startswith("END Order C3D4 is yours")
    assert "by 9 Dec" in phone.shown


def test_too_many_by_text_is_asked_again_and_nothing_else() -> None:
    commands, phone = told(["2"], text="YES K7P4 9 4", channel=SMS)
    assert commands == [AcceptOrder("K7P4", 9, 4), AcceptOrder("K7P4", 2, 4)]
    assert phone.shown.startswith("Order K7P4 is yours")


def test_an_order_she_keeps_is_not_given_back() -> None:
    commands, phone = told([*ORDERS, "1", "2", "2"])
    assert (commands, phone.stands) == ([], "orders.code")


@pytest.mark.parametrize(("channel", "commands"), [(USSD, [SendStatement()]), (SMS, [])])
def test_a_statement_is_texted_to_a_call_and_answers_a_text(channel: Channel, commands: list[Command]) -> None:
    asked, _ = told([], text="STATEMENT", channel=channel)
    assert asked == commands
