"""What artisans may call themselves and their products, and how they correct it."""

from __future__ import annotations

import pytest

from flows.commands import Command, Outcome, SetDescription, SetTitle
from flows.dialogues import ENGINE
from flows.kit import SMS, USSD, Channel, Person
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import AMINA, FakePhone


def phone(performed: list[Command], channel: Channel) -> FakePhone:
    marketplace = FakeMarketplace(AMINA)
    marketplace.add_product("Kiondo", 1500_00, 3)

    def performs(marketplace: FakeMarketplace, command: Command) -> Outcome:
        performed.append(command)
        return marketplace.perform(command)

    return FakePhone(ENGINE, marketplace, channel, performs=performs)


@pytest.mark.parametrize("name", ["ሊያ", "ትግስት", "Jo"])
def test_a_name_of_two_letters_is_a_name(name: str) -> None:
    caller = FakePhone(ENGINE, FakeMarketplace(Person("+254711000111", language="am")))
    caller.dials()
    caller.says("1", name)
    assert caller.position == "join.craft"


@pytest.mark.parametrize(
    ("title", "accepted"), [("ቤት", True), ("ሳህን", True), ("ቤ", False), ("ab", False), ("pot", True)]
)
def test_a_title_of_two_syllables_is_a_title(title: str, accepted: bool) -> None:
    caller = phone([], USSD)
    caller.opens("sell")
    caller.says(title)
    assert (caller.position == "sell.category") is accepted


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (["TITLE A7P4 Kiondo basket"], SetTitle("A7P4", "Kiondo basket")),
        (["jina a7 p4 Kiondo kubwa"], SetTitle("A7P4", "Kiondo kubwa")),
        (["TITLE A7P4", "Kiondo basket"], SetTitle("A7P4", "Kiondo basket")),
        (["TITLE", "1", "Kiondo basket"], SetTitle("A7P4", "Kiondo basket")),
        (["DESCRIBE A7P4 Sisal and leather 30 cm"], SetDescription("A7P4", "Sisal and leather 30 cm")),
        (["maelezo A7P4", "Katani na ngozi"], SetDescription("A7P4", "Katani na ngozi")),
    ],
)
def test_title_and_description_are_set_by_text(said: list[str], command: Command) -> None:
    performed: list[Command] = []
    artisan = phone(performed, SMS)
    artisan.texts(said[0])
    artisan.says(*said[1:])
    assert performed == [command]


@pytest.mark.parametrize(
    ("line", "command"), [("5", SetTitle("A7P4", "Big kiondo")), ("6", SetDescription("A7P4", "Big kiondo"))]
)
def test_title_and_description_are_set_by_call(line: str, command: Command) -> None:
    performed: list[Command] = []
    artisan = phone(performed, USSD)
    artisan.opens("products")
    artisan.says("1", line, "Big kiondo")
    assert performed == [command]


def test_today_lists_what_is_to_come_and_a_line_begins_to_receive_it() -> None:
    agent = phone([], USSD)
    for number in range(8):
        agent.marketplace.add_order(f"K{number + 2}P4", "Kiondo", 3, 2700_00, "accepted")
    assert agent.opens("today").splitlines() == [
        "CON To come: 8, ready: 0",
        "To ship: 0",
        "Received today: 0",
        "Cash today: KSh 0",
        "In the drawer: KSh 0",
        "1. K2P4 3 x Kiondo, Amina",
        "2. K3P4 3 x Kiondo, Amina",
        "98. More",
    ]
    assert agent.says("98").splitlines()[:2] == ["CON To come:", "3. K4P4 3 x Kiondo, Amina"]
    assert agent.says("3") == agent.shown
    assert agent.position == "receive.count"
    assert agent.conversation.answers["code"] == "K4P4"


def test_money_names_orders_as_all_other_texts_do() -> None:
    artisan = phone([], SMS)
    artisan.marketplace.add_order("W4M5", "Kiondo", 2, 2700_00, "shipped")
    assert artisan.texts("MONEY").endswith("Last: W4M5 KSh 2,700")
