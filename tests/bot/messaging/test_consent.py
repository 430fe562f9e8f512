"""The words that end and begin texting: alone they count in every language, and within a sentence they do not."""

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
def test_a_word_alone_counts_however_it_is_written(asks: str, words: str) -> None:
    for word in words.split("/"):
        for written in (word, word.lower(), word.title(), f" {word}\n", f"{word}.", f"{word}!", f"{word}።"):
            assert consent.requested(written) == asks, written


@pytest.mark.parametrize(
    "text",
    ["", ".", "STOP 1", "please stop", "Stop calling me", "acha kelele", "START again", "SELL end table 900", "YES"],
)
def test_what_says_more_or_something_else_is_no_such_word(text: str) -> None:
    assert consent.requested(text) is None
