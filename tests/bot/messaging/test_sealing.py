"""Sealed codes: the text has none, and only the service's keys give them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messaging.sealing import Seal

SEAL = Seal((b"a key of this service",))
TEXT = "Show your code: 012345. Order W2V4, KSh 1,234."


def test_a_sealed_text_has_stars_and_is_as_long_and_opens_to_the_same() -> None:
    sealed = SEAL.close(TEXT, ["012345"], "evt_1:art_1")
    assert sealed.text == "Show your code: ******. Order W2V4, KSh 1,234."
    assert sealed.codes
    assert "012345" not in sealed.codes
    assert SEAL.open(sealed.text, sealed.codes) == TEXT


@given(st.text(max_size=60), st.from_regex(r"[0-9]{4,10}", fullmatch=True), st.text(max_size=60), st.text())
def test_any_text_with_any_code_opens_to_the_same(before: str, code: str, after: str, nonce: str) -> None:
    text = f"{before} {code} {after} {code}"
    sealed = SEAL.close(text, [code], nonce)
    assert len(sealed.text) == len(text)
    assert f" {code} " not in sealed.text
    assert SEAL.open(sealed.text, sealed.codes) == text


def test_only_whole_numbers_are_codes_and_a_text_without_one_is_not_sealed() -> None:
    for text, codes in (("Call 0722012345", ["012345"]), ("No code", ["012345"]), ("No code", [""]), ("No code", [])):
        sealed = SEAL.close(text, codes, "1")
        assert (sealed.text, sealed.codes) == (text, None)


def test_one_code_is_sealed_otherwise_for_each_text_and_each_key() -> None:
    sealed = [
        SEAL.close(TEXT, ["012345"], "1").codes,
        SEAL.close(TEXT, ["012345"], "2").codes,
        Seal((b"another key",)).close(TEXT, ["012345"], "1").codes,
    ]
    assert len(set(sealed)) == 3


def test_an_older_key_opens_and_an_unknown_one_leaves_the_stars(caplog: pytest.LogCaptureFixture) -> None:
    sealed = SEAL.close(TEXT, ["012345"], "1")
    assert Seal((b"new", *SEAL.keys)).open(sealed.text, sealed.codes) == TEXT
    assert Seal((b"new",)).open(sealed.text, sealed.codes) == sealed.text
    assert "not known" in caplog.text


def test_an_erased_code_stays_masked() -> None:
    assert SEAL.open("Your code: ******.", "") == "Your code: ******."
    assert SEAL.open("Your code: ******.", None) == "Your code: ******."
