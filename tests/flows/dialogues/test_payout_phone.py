"""A phone for money is said back before it counts, and only a wallet of the payout network is taken."""

from __future__ import annotations

import pytest

from flows.commands import ChangePayout, Command, Outcome, RegisterArtisan
from flows.dialogues import ENGINE
from flows.kit import Person
from flows.market import KioskSummary
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import AMINA, FakePhone

KENYAN, BRITISH = "+254711000222", "+447400123456"
TO_THE_PHONE = ["Amina", "1", "1"]
"""Name, craft, kiosk; next is the question how to be paid."""


def joining(msisdn: str = KENYAN) -> tuple[FakePhone, list[Command]]:
    """A phone that is asked how to be paid, and the commands that it leads to."""
    commands: list[Command] = []

    def performs(marketplace: FakeMarketplace, command: Command) -> Outcome:
        commands.append(command)
        return marketplace.perform(command)

    marketplace = FakeMarketplace(Person(msisdn, language="en"))
    marketplace.kiosk_list.append(KioskSummary("ksk_1", "Lakeside", "Kisumu"))
    phone = FakePhone(ENGINE, marketplace, performs=performs)
    phone.opens("join")
    phone.says(*TO_THE_PHONE)
    assert "How do you want to be paid?" in phone.shown
    return phone, commands


def paid_to(commands: list[Command]) -> str | None:
    (command,) = commands
    assert isinstance(command, RegisterArtisan)
    return command.payout_msisdn


def test_a_typed_phone_is_said_back_and_counts_only_after_yes() -> None:
    phone, commands = joining()

    assert "Your money goes to 0722 000 333, M-PESA. Is this number right?" in phone.says("2", "0722000333")
    assert commands == []
    assert "Which phone number gets the money?" in phone.says("2")
    phone.says("0722 000 444", "1")

    assert paid_to(commands) == "+254722000444"


@pytest.mark.parametrize("number", ["+44 7400 123456", "+251700123456", "+256772123456", "00447400123456"])
def test_a_phone_of_another_country_is_refused_with_the_reason(number: str) -> None:
    phone, commands = joining()

    shown = phone.says("2", number)

    assert shown.startswith("CON M-PESA pays only mobile numbers that begin with +254.")
    assert commands == []
    phone.says("0722000333", "1")
    assert paid_to(commands) == "+254722000333"


def test_who_calls_from_another_country_is_asked_for_a_phone_that_can_be_paid() -> None:
    phone, commands = joining(BRITISH)

    assert "M-PESA cannot pay this phone, only numbers that begin with +254" in phone.says("1")
    assert "M-PESA pays only mobile numbers" in phone.says(BRITISH)
    assert "Your money goes to 0722 000 333, M-PESA" in phone.says("0722000333")
    phone.says("1")

    assert paid_to(commands) == "+254722000333"


def test_this_phone_is_paid_after_another_one_was_typed_and_left() -> None:
    phone, commands = joining()

    phone.says("2", "0722000333", "0", "0", "1")

    assert paid_to(commands) == KENYAN


def test_a_changed_phone_is_said_back_too() -> None:
    commands: list[Command] = []

    def performs(marketplace: FakeMarketplace, command: Command) -> Outcome:
        if isinstance(command, ChangePayout):
            commands.append(command)
        return marketplace.perform(command)

    phone = FakePhone(ENGINE, FakeMarketplace(AMINA), performs=performs)
    phone.opens("payout")
    assert "M-PESA pays only" in phone.says("1234", "2", "+447400123456")
    phone.says("0722000333")
    assert commands == []
    phone.says("1")
    assert commands == [ChangePayout("mobile_money", "+254722000333")]
