"""STOP and START words: they count alone, in every language, and not within a sentence."""

from __future__ import annotations

import pytest

from bot.messaging import consent


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        ("STOP", "STOP/STOPALL/STOP ALL/UNSUBSCRIBE/CANCEL/END/QUIT/REVOKE/OPTOUT/OPT OUT/OPT-OUT"),
        ("STOP", "ACHA/ONDOKA/TOKA/SITISHA"),
        ("STOP", "ARRET/ARRÊT/ARRÊTER/DÉSABONNER"),
        ("STOP", "አቁም/አቁሙ/AKUM/AKUMU"),
        ("START", "START/UNSTOP"),
        ("START", "ANZA"),
        ("START", "REPRENDRE"),
        ("START", "ጀምር/ጀምሩ/JEMIR/JEMIRU"),
    ],
)
def test_a_word_alone_counts_in_any_spelling(asks: str, words: str) -> None:
    for word in words.split("/"):
        for written in (word, word.lower(), word.title(), f" {word}\n", f"{word}.", f"{word}!", f"{word}።"):
            assert consent.requested(written) == asks, written


@pytest.mark.parametrize(
    "text",
    ["", ".", "STOP 1", "please stop", "Stop calling me", "acha kelele", "START again", "SELL end table 900", "YES"],
)
def test_a_longer_or_other_text_does_not_count(text: str) -> None:
    assert consent.requested(text) is None
