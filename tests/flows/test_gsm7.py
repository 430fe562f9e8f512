"""The alphabet and the counting of segments, against known cases and two independent libraries."""

from __future__ import annotations

import gsm0338
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from flows.gsm7 import BASIC, EXTENSION, is_gsm7, plain, segments, septets, transliterate, units

CODEC = gsm0338.Codec()
EMOJI = "\N{GRINNING FACE}"

# Escape is a control character of the alphabet, and nobody types a form feed.
gsm_texts = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), max_size=400)
texts = st.text(st.characters(exclude_characters="\x1b", exclude_categories=["Cs"]), min_size=1, max_size=200)
long_texts = st.builds(
    str.__mul__, st.text(st.sampled_from("a€ĩ" + EMOJI), min_size=1, max_size=4), st.integers(0, 120)
)


@pytest.mark.parametrize(
    ("text", "encoding", "length", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("a" * 158 + "€", "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("a" * 152 + "€" + "b" * 60, "GSM-7", 214, 2),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("€" * 153, "GSM-7", 306, 3),  # by division two, but no segment can hold half of a euro sign
        ("ĩ" * 70, "UCS-2", 70, 1),
        ("ĩ" * 71, "UCS-2", 71, 2),
        ("ĩ" * 134, "UCS-2", 134, 2),
        ("ĩ" * 135, "UCS-2", 135, 3),
        (EMOJI * 35, "UCS-2", 70, 1),
        (EMOJI * 36, "UCS-2", 72, 2),
        ("ĩ" * 66 + EMOJI + "ĩ" * 10, "UCS-2", 78, 2),
        ("a" * 99 + "\u2019", "UCS-2", 100, 2),
        ("français", "UCS-2", 8, 1),
        ("FRANÇAIS", "GSM-7", 8, 1),
        ("fenêtre", "UCS-2", 7, 1),
        ("à la crème: élève, où?", "GSM-7", 22, 1),
        ("a`b", "UCS-2", 3, 1),
        ("a\tb", "UCS-2", 3, 1),
        ("a\u00a0b", "UCS-2", 3, 1),
        ("ã", "UCS-2", 1, 1),
        ("1. Yes\n2. No", "GSM-7", 12, 1),
        ("[x] {y} ~z \\ ^ |", "GSM-7", 24, 1),
        ("አዎ", "UCS-2", 2, 1),
    ],
)
def test_a_text_is_counted_as_it_is_sent(text: str, encoding: str, length: int, count: int) -> None:
    counted = segments(text)
    assert (counted.encoding, counted.units, counted.count) == (encoding, length, count)
    assert units(text) == length
    assert septets(text) == (length if encoding == "GSM-7" else None)


@given(gsm_texts)
def test_septets_are_those_of_an_independent_codec(text: str) -> None:
    assert septets(text) == len(CODEC.encode(text)[0])


@given(texts)
def test_the_alphabet_is_that_of_an_independent_library(text: str) -> None:
    assert is_gsm7(text) == bool(smsutil.is_valid_gsm(text))


@given(long_texts)
def test_segments_are_those_of_an_independent_library(text: str) -> None:
    theirs = smsutil.split(text)
    assert segments(text).count == max(1, len(theirs.parts))
    assert segments(text).encoding == ("GSM-7" if is_gsm7(text) else "UCS-2")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("ng\u2019ombe", "ng'ombe"),
        ("`quoted´", "'quoted'"),
        ("\u201cKiondo\u201d «sisal»", '"Kiondo" "sisal"'),
        ("Mon\u2013Fri \u2014 closed\u2026", "Mon-Fri - closed..."),
        ("1\u00a0500\u202fKSh", "1 500 KSh"),
        ("Nai\u200brobi\ufeff", "Nairobi"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("a\tb", "a b"),
        ("3 × 4 ½", "3 x 4 1/2"),
        ("20°C", "20 deg C"),
        ("cafe\u0301", "café"),
        ("bell\x07 and \x1bescape", "bell and escape"),
        ("€5 £3", "€5 £3"),
        ("Gĩkũyũ 😀", "Gĩkũyũ 😀"),
    ],
)
def test_typography_becomes_plain_and_letters_stay(text: str, sent: str) -> None:
    assert plain(text) == sent


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Gĩkũyũ", "Gikuyu"),
        ("français, crème", "francais, crème"),
        ("Œuvre d\u2019été", "Oeuvre d'été"),
        ("ɓauna ɗaya ƙasa ŋɔɛ", "bauna daya kasa ngoe"),
        ("basket 🧺 here", "basket  here"),
        ("：here：", ":here:"),
        ("Äpfel für Åsa", "Äpfel für Åsa"),
    ],
)
def test_other_letters_become_latin_and_those_of_gsm7_stay(text: str, sent: str) -> None:
    assert transliterate(text) == sent


@given(st.text())
def test_a_transliterated_text_is_always_gsm7(text: str) -> None:
    assert is_gsm7(transliterate(text))


@given(gsm_texts.map(lambda text: text.replace("\r", "").replace("\f", "")))
def test_what_can_be_sent_as_it_is_stays_as_it_is(text: str) -> None:
    assert transliterate(text) == plain(text) == text


@given(st.text())
def test_a_plain_text_has_no_invisible_characters(text: str) -> None:
    assert not set(plain(text)) & set("\r\t\f\x00\x1b\u200b\u200f\u2060\ufeff\u00a0\u202f")
