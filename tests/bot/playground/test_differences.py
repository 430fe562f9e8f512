"""The word diff of a transcript and what the service answers now."""

from __future__ import annotations

import pytest

from bot.playground.differences import Compared, as_text, differences

BEFORE = "@ amina ussd\n> *384*22#\n< CON Welcome to Soko.\n  1. Join\n  2. Help\n> 1\n< END Bye.\n"
AFTER = "@ amina ussd\n> *384*22#\n< CON Karibu Soko.\n  1. Join\n  2. Help\n> 1\n= artisan.registered\n< END Bye.\n"


def test_only_the_words_that_differ_are_marked() -> None:
    assert differences("< END Welcome.\n", "< END Karibu.\n") == [
        Compared("same", "< END "),
        Compared("gone", "Welcome"),
        Compared("new", "Karibu"),
        Compared("same", ".\n"),
    ]


def test_the_pieces_make_both_transcripts_again() -> None:
    parts = differences(BEFORE, AFTER)
    assert "".join(part.text for part in parts if part.kind != "new") == BEFORE
    assert "".join(part.text for part in parts if part.kind != "gone") == AFTER


@pytest.mark.parametrize(
    ("before", "after", "printed"),
    [
        (BEFORE, BEFORE, ""),
        ("a\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "…\nc\nd\n[-e-]{+E+}\n"),
        ("a\nb\n", "a\nb\nc\n", "a\nb\n{+c+}\n"),
        ("a\nb\n", "b\n", "[-a-]\nb\n"),
        (
            BEFORE,
            AFTER,
            "@ amina ussd\n> *384*22#\n< CON [-Welcome to-]{+Karibu+} Soko.\n  1. Join\n  2. Help\n"
            "> 1\n{+= artisan.registered+}\n< END Bye.\n",
        ),
    ],
)
def test_lines_that_differ_are_printed_with_those_around_them(before: str, after: str, printed: str) -> None:
    assert as_text(differences(before, after)) == printed
