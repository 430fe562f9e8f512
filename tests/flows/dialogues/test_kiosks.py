"""The choice of a kiosk, with few kiosks, with many in few towns, and with very many."""

from __future__ import annotations

import pytest

from flows.dialogues import ENGINE
from flows.kit import Person
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import FakePhone

TOWNS = ("Kisumu", "Nairobi", "Mombasa", "Nakuru", "Eldoret", "Thika", "Malindi", "Kitale", "Garissa", "Nyeri")


def asked_for_a_kiosk(kiosks: int, towns: int) -> FakePhone:
    """A phone at the first question about the kiosk, in a shop with so many kiosks, evenly in so many towns."""
    marketplace = FakeMarketplace(Person("+254711000111", language="en"))
    for number in range(kiosks):
        marketplace.add_kiosk(f"Kiosk {chr(ord('A') + number // towns)}", TOWNS[number % towns])
    phone = FakePhone(ENGINE, marketplace)
    phone.dials()
    phone.says("1", "Amina", "1")
    return phone


def kiosk_of(phone: FakePhone) -> str:
    """The name of the kiosk that was chosen."""
    chosen = phone.conversation.answers["kiosk"]
    return next(f"{each.name}, {each.town}" for each in phone.marketplace.kiosk_list if each.id == chosen)


def test_few_kiosks_are_one_list() -> None:
    phone = asked_for_a_kiosk(9, 3)
    assert phone.lines[1] == "1. Kiosk A, Kisumu"
    phone.says("3")
    assert kiosk_of(phone) == "Kiosk A, Mombasa"


def test_more_kiosks_are_listed_town_by_town() -> None:
    phone = asked_for_a_kiosk(24, 4)
    assert phone.lines[:5] == ["In which town is your kiosk?", "1. Kisumu", "2. Mombasa", "3. Nairobi", "4. Nakuru"]
    assert phone.says("2").splitlines()[1] == "1. Kiosk A, Mombasa"
    phone.says("2")
    assert kiosk_of(phone) == "Kiosk B, Mombasa"


@pytest.mark.parametrize("typed", ["Nairobi", "nairobi", "NAIROBI!", "nai", "3", "Nairoby"])
def test_a_town_may_be_typed_where_towns_are_listed(typed: str) -> None:
    phone = asked_for_a_kiosk(24, 4)
    if "Did you mean" in phone.says(typed):
        phone.says("1")
    phone.says("1")
    assert kiosk_of(phone) == "Kiosk A, Nairobi"


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Kisumu", "Kiosk A, Kisumu"),
        ("kiosk c", "Kiosk C, Kisumu"),
        ("Kisum", "Kiosk A, Kisumu"),
        ("c thika", "Kiosk C, Thika"),
    ],
)
def test_a_town_or_name_is_typed_where_there_are_many_towns(typed: str, first: str) -> None:
    phone = asked_for_a_kiosk(100, 10)
    assert phone.lines[0] == "Which kiosk will you bring your goods to? Write its town or name."
    assert phone.says(typed).splitlines()[1] == f"1. {first}"
    phone.says("1")
    assert kiosk_of(phone) == first


def test_an_unknown_town_is_asked_again() -> None:
    phone = asked_for_a_kiosk(100, 10)
    assert phone.says("Paris").startswith("CON We know no kiosk like that.")
    assert phone.says("Thika").splitlines()[1] == "1. Kiosk A, Thika"


@pytest.mark.parametrize(("kiosks", "towns"), [(9, 3), (24, 4), (97, 4), (100, 10), (400, 10)])
def test_no_question_about_the_kiosk_has_many_pages(kiosks: int, towns: int) -> None:
    phone = asked_for_a_kiosk(kiosks, towns)
    pages = 1
    while any(line.startswith("98.") for line in phone.lines):
        phone.says("98")
        pages += 1
    assert pages <= 3
