"""A number is found in every spelling, and names only as whole words."""

from __future__ import annotations

from typing import Any

import pytest

from bot.persons.scrubbing import Scrub
from bot.persons.subject import DataSubject


def subject(**known: Any) -> DataSubject:
    nothing: frozenset[str] = frozenset()
    fields: dict[str, Any] = {
        "msisdn": "+254711000103",
        "artisan_id": "art_1",
        "product_ids": frozenset({"prd_1"}),
        "photo_ids": nothing,
        "photo_digests": nothing,
        "order_ids": frozenset({"ord_1"}),
        "names": frozenset({"Joy"}),
        "own_names": frozenset({"Joy"}),
        "addresses": frozenset({"1 Moi Avenue"}),
    }
    return DataSubject(**fields | known)


SCRUB = Scrub.of(subject(), "erased-1")


@pytest.mark.parametrize(
    "written",
    [
        *("+254711000103", "254711000103", "00254711000103", "0711000103", "711000103", "0711 000 103"),
        *("0711-000-103", "+254 711 000103", "+254 (0) 711 000 103", "0711.000.103", "07 11 00 01 03"),
    ],
)
def test_a_number_is_replaced_in_every_spelling(written: str) -> None:
    assert SCRUB.text(f"Call {written}, please") == "Call erased-1, please"


@pytest.mark.parametrize("other", ["+254711000104", "2547110001030", "17110001034", "+254711000 10"])
def test_another_number_stays(other: str) -> None:
    assert SCRUB.text(f"Call {other}, please") == f"Call {other}, please"


def test_a_name_is_replaced_as_a_whole_word() -> None:
    assert SCRUB.text("Joy, enjoy Joyce's joy at 1 Moi Avenue") == "(erased), enjoy Joyce's joy at (erased)"


def test_the_documents_of_others_keep_words_that_are_also_a_name() -> None:
    other = {"id": "prd_2", "title": "Joy basket", "artisan": {"id": "art_2", "name": "Joy"}, "note": "for Joy"}
    assert SCRUB.document(other) == other | {"note": "for (erased)"}


def test_an_order_loses_its_buyer_and_address_and_keeps_its_amounts() -> None:
    order = {
        "id": "ord_1",
        "buyer": {"name": "Joy", "phone": "+254711000103", "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "12", "line2": None, "city": "Leeds", "country": "GB"},
        "note": "ring twice",
        "total": {"amount": 711000103, "currency": "KES"},
    }
    assert SCRUB.document(order) == order | {
        "buyer": {"name": "(erased)", "phone": "erased-1", "locale": "en"},
        "ship_to": {"name": "", "line1": "", "line2": None, "city": "Leeds", "country": "GB"},
        "note": None,
    }


def test_an_order_of_another_buyer_loses_only_its_artisan() -> None:
    part = {"artisan": {"id": "art_1", "name": "Joy", "town": "Voi"}, "quantity": 1}
    order = {"id": "ord_2", "buyer": {"name": "Ann", "phone": "+447400123456"}, "assignments": [part]}
    erased = {"artisan": {"id": "art_1", "name": "(erased)", "town": "Voi"}, "quantity": 1}
    assert SCRUB.document(order) == order | {"assignments": [erased]}


def test_a_product_loses_its_photos_and_description() -> None:
    product = {
        "id": "prd_1",
        "title": "Basket by Joy",
        "description": "x",
        "photos": [{"url": "…"}],
        "artisan": {"id": "art_1"},
    }
    assert SCRUB.document(product) == product | {"title": "Basket by (erased)", "description": "", "photos": []}


def test_json_that_is_not_about_the_person_stays_byte_for_byte() -> None:
    assert SCRUB.json('{ "a":  1.0}') == '{ "a":  1.0}'
    assert SCRUB.json('{"to": "+254711000103"}') == '{"to":"erased-1"}'
    assert SCRUB.json("not json, Joy") == "not json, (erased)"
