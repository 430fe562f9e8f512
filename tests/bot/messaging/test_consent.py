"""STOP and START words, in every language: alone, with words after them, and not within a sentence."""

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
    [
        *("STOP 1", "please stop", "Stop calling me", "STOP please", "STOP 1042", "Stop. Thank you", "stop\nnow"),
        *("STOP/", "STOP -", "[STOP]", "'STOP'", "‘STOP’", "*STOP*", "#STOP", "«STOP»", "STOP,please", "stop…"),
        *("STOP 🙏", "STOP STOP", "STOP*ALL", "opt out now", "CANCEL please", "cancel cancel"),
        *("Hello, STOP", "hi stop thanks", "「STOP」", "¿STOP?", "STOP。", "✅STOP®", "ＳＴＯＰ"),
        *("ARR\ufffdTER", "d\ufffdsabonner"),
        *("acha tafadhali", "Tafadhali acha", "ARRÊTEZ", "arrêtez svp", "አቁም እባክህ"),
    ],
)
def test_words_after_stop_and_marks_around_it_do_not_hide_it(text: str) -> None:
    assert consent.requested(text) == "STOP"


@pytest.mark.parametrize(
    ("text", "language"),
    [("ACHA", "sw"), ("sitisha tafadhali", "sw"), ("Arrêt.", "fr"), ("አቁም", "am"), ("anza", "sw"), ("STOP", None)],
)
def test_a_word_shows_the_language_it_belongs_to(text: str, language: str | None) -> None:
    assert consent.language(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "acha kelele",
        "START again",
        "SELL end table 900",
        "YES",
        "cancel K7P4",
        "end of month",
        "non stop",
        "🙏",
    ],
)
def test_a_longer_or_other_text_does_not_count(text: str) -> None:
    assert consent.requested(text) is None
