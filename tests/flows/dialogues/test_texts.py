"""Texts about products and orders: the answers they give ahead, and texts that only look like them."""

from __future__ import annotations

import pytest

from flows.commands import Command, DeclineOrder, Outcome, RemoveProduct, SayReady, SetPrice, SetStock
from flows.dialogues import ENGINE
from flows.kit import SMS
from tests.flows.fake_marketplace import FakeMarketplace
from tests.flows.phone import AMINA, PLACE, FakePhone

A_PRICE, A_STOCK = {"code": "F6J5", "price": "1,650"}, {"code": "F6J5", "quantity": "x3"}


@pytest.mark.parametrize(
    ("text", "flow", "given"),
    [
        ("PRICE", "price", {}),
        ("PRICE F6J5", "price", {"code": "F6J5"}),
        ("price f6j5 1,650", "price", A_PRICE),
        ("PRICE*F6J5*1,650", "price", A_PRICE),
        ("Bei: fGjS 1,650", "price", A_PRICE),
        ("PRIX F6J5;1700/=", "price", {"code": "F6J5", "price": "1700/="}),
        ("ዋጋ F6J5 1,650", "price", A_PRICE),
        ("PRICE F6J0 1,650", "price", {"code": "F6J0", "price": "1,650"}),
        ("STOCK F6J5 x3", "stock", A_STOCK),
        ("idadi f6j5\nx3", "stock", A_STOCK),
        ("REMOVE f6j5", "remove", {"named": "F6J5"}),
        ("PHOTO f6 j5", "photo", {"code": "F6J5"}),
        ("picha F6J5", "photo", {"code": "F6J5"}),
        ("PHOTO F6J0", "photo", {"code": "F6J0"}),
        ("ፎቶ", "photo", {}),
        ("Foto F6J5", "photo", {"code": "F6J5"}),
        ("ondosha", "remove", {}),
        ("READY k7 p4", "ready", {"code": "k7 p4"}),
        ("Tayari", "ready", {}),
        ("Prêt K7P4", "ready", {"code": "K7P4"}),
        ("YES K7P4", "accept", {"code": "K7P4"}),
        ("yes k7p4 20", "accept", {"code": "k7p4", "part": "20"}),
        ("Ndiyo K7P4, 20, 5", "accept", {"code": "K7P4", "part": "20", "days": "5"}),
        ("OUI K7P4 1 500", "accept", {"code": "K7P4", "part": "1 500"}),
        ("YES K7P4 20 soon", "accept", {"code": "K7P4", "part": "20 soon"}),
        ("YES 20", "accept", {"part": "20"}),
        ("YES K7P4 ALL", "accept", {"code": "K7P4", "part": "ALL"}),
        ("NDIYO k7p4 zote 5", "accept", {"code": "k7p4", "part": "zote", "days": "5"}),
        ("Oui tout", "accept", {"part": "tout"}),
        ("አዎ ሁሉንም", "accept", {"part": "ሁሉንም"}),
        ("taarifa", "statement", {}),
        ("Relevé", "statement", {}),
        ("መግለጫ", "statement", {}),
        ("reçu K7P4", "received", {"code": "K7P4"}),
        ("GHAIRI K7P4", "drop", {"code": "K7P4"}),
    ],
)
def test_a_text_gives_its_answers_ahead(text: str, flow: str, given: dict[str, str]) -> None:
    assert ENGINE.match_keyword(text, PLACE) == (flow, given)


@pytest.mark.parametrize(
    "text",
    [
        "statement of what",
        "yes of course",
        "price 1500",
        "bei ksh1500",
        "price of one is 900",
        "idadi 3",
        "stock x3",
        "remove it",
        "ready to eat",
        "photo of my mother",
    ],
)
def test_a_text_that_names_no_code_may_answer_another_question(text: str) -> None:
    assert ENGINE.match_keyword(text, PLACE) is None


def phone(performed: list[Command]) -> FakePhone:
    marketplace = FakeMarketplace(AMINA)
    marketplace.add_product("Kiondo", 1500_00, 3)
    marketplace.add_order("W4M5", "Kiondo", 2, 2700_00, "accepted")
    marketplace.add_order("K7P4", "Kiondo", 1, 1350_00)

    def performs(marketplace: FakeMarketplace, command: Command) -> Outcome:
        performed.append(command)
        return marketplace.perform(command)

    return FakePhone(ENGINE, marketplace, SMS, performs=performs)


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (["PRICE A7P4 1700"], SetPrice("A7P4", 1700_00)),
        (["PRICE A7P4 cheap", "1700"], SetPrice("A7P4", 1700_00)),
        (["PRICE A7P4 170000", "yes"], SetPrice("A7P4", 170_000_00)),
        (["PRICE C5D6 1700", "1"], SetPrice("A7P4", 1700_00)),
        (["STOCK A7P4 0"], SetStock("A7P4", 0)),
        (["STOCK A7P4 1000", "12"], SetStock("A7P4", 12)),
        (["REMOVE A7P4", "yes"], RemoveProduct("A7P4")),
        (["REMOVE C5D6", "a7p4", "yes"], RemoveProduct("A7P4")),
        (["REMOVE", "1", "yes"], RemoveProduct("A7P4")),
        (["READY"], SayReady("W4M5")),
        (["NO K7P4"], DeclineOrder("K7P4")),
    ],
)
def test_only_what_is_missing_or_rejected_is_asked(said: list[str], command: Command) -> None:
    performed: list[Command] = []
    artisan = phone(performed)
    artisan.texts(said[0])
    for answer in said[1:]:
        assert performed == []
        artisan.says(answer)
    assert performed == [command]
