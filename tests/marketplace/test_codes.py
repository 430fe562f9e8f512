"""Codes are recognised when they are read out or mistyped."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_api import codes
from marketplace_api.catalogue import products
from marketplace_api.shop import Ids
from tests.marketplace.conftest import ShopDatabase, seed_sample

drawn = st.builds(codes.draw, st.builds(Random, st.integers()), st.integers(codes.SHORTEST, codes.LONGEST))


@given(drawn)
def test_a_code_is_neither_a_word_nor_a_number_and_has_nothing_ambiguous(code: str) -> None:
    assert not set(code) & set("01OIL")
    assert code[0::2].isalpha()
    assert code[1::2].isdigit()


@given(drawn, st.data())
def test_a_code_is_read_in_any_case_and_spacing(code: str, data: st.DataObject) -> None:
    fillers = data.draw(st.lists(st.sampled_from(["", " ", "-", " - "]), min_size=len(code), max_size=len(code)))
    typed = "".join(filler + character for filler, character in zip(fillers, code, strict=True))
    assert codes.normalise(typed.lower()) == code


@given(drawn)
def test_similar_characters_are_corrected_by_their_position(code: str) -> None:
    misread = code.translate(str.maketrans("S5Z2B8G6", "5S2Z8B6G"))
    assert codes.normalise(misread) == code


@given(st.text())
def test_what_normalise_returns_is_a_code(text: str) -> None:
    code = codes.normalise(text)
    assert code is None or codes.normalise(code) == code


@pytest.mark.parametrize("text", ["", "K7P", "K7PP", "7K4P", "KIO4", "K0P4", "K7P4K7P4K7P", "1234", "ORDER", "Ⅶ"])
def test_other_words_are_not_codes(text: str) -> None:
    assert codes.normalise(text) is None


class Stuck(Random):
    """A random source that always takes the first choice."""

    def choice(self, seq):
        return seq[0]


def test_codes_grow_when_the_short_ones_are_taken(sqlite_database: ShopDatabase) -> None:
    sample = seed_sample(sqlite_database)
    with sqlite_database.open() as shop:
        stuck = replace(shop, ids=Ids(Stuck(1)))
        ware = {"title": "Bowl", "category": "pottery", "price": 1, "quantity": 1}
        made = [products.list_product(stuck, sample.artisan, **ware) for _ in range(3)]
    assert [product.code for product in made] == ["A2A2", "A2A2A", "A2A2A2"]
