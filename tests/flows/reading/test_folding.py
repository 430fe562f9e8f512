"""Texts made comparable."""

from __future__ import annotations

import pytest
from hypothesis import given

from flows.reading.folding import clean

from .samples import any_text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  kiondo \n basket\t", "kiondo basket"),
        ("kio\u200bndo\u202e", "kiondo"),
        ("cafe\u0301", "café"),
        ("١٥٠٠", "1500"),
        ("۱۵۰۰", "1500"),
        ("１５００", "1500"),
        ("፩፭", "15"),
        ("١٬٥٠٠٫٥٠", "1,500.50"),
        ("1️⃣", "1"),
        ("a\x00b\x1bc", "abc"),
        ("half a \ud83d picture", "half a picture"),
        ("ወንጀላ።", "ወንጀላ።"),
    ],
)
def test_invisible_characters_are_removed_and_digits_are_ascii(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(any_text)
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
