"""Codes of orders and products, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.reading.codes import read


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("K7P4M", "K7P4M"),
        ("k7p4m", "K7P4M"),
        ("K7P-4M", "K7P4M"),
        (" k7 p4 m ", "K7P4M"),
        ("#K7P4", "K7P4"),
        ("KSP4", "K5P4"),
        ("KZPG", "K2P6"),
        ("57P4", "S7P4"),
        ("88GG", "B8G6"),
        ("A2B3C4D5E6", "A2B3C4D5E6"),
        ("K7P4!", "K7P4"),
        ("(K7P4)", "K7P4"),
        ("'k7p4'", "K7P4"),
        ("K7P4,", "K7P4"),
        ("K7-P4", "K7P4"),
        ("K7.P4", "K7P4"),
        ("K 7 P 4", "K7P4"),
        ("K7P", None),
        ("A2B3C4D5E6F", None),
        ("K7PM", None),
        ("7K4P", None),
        ("I7P4", None),
        ("K1P4", None),
        ("K7O4", None),
        ("K0P4", None),
        ("BASKET", None),
        ("ßßß", None),
        ("1500", None),
        ("", None),
    ],
)
def test_codes_are_read_and_repaired(text: str, code: str | None) -> None:
    assert read(text) == code


CODES = st.integers(4, 10).flatmap(
    lambda length: st.tuples(
        *(st.sampled_from("23456789" if place % 2 else "ABCDEFGHJKMNPQRSTUVWXYZ") for place in range(length))
    )
)


@given(CODES.map("".join), st.sampled_from(["{}", " {} ", "#{}", "{}."]))
def test_a_code_is_read_in_any_case_and_with_confused_characters(code: str, form: str) -> None:
    confused = code.translate(str.maketrans("S5Z2B8G6", "5S2Z8B6G"))
    assert read(form.format(code.lower())) == read(confused) == code
