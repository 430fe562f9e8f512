"""The cumulative text of a call: what is new in it, and what is stored of it."""

from __future__ import annotations

import pytest

from bot.conversation import ussd_text


@pytest.mark.parametrize(
    ("consumed", "text", "answer"),
    [
        ("", "", None),
        ("", "1", "1"),
        ("", "Lamp 3*4", "Lamp 3*4"),
        ("1", "1*2", "2"),
        ("1", "1*Lamp 3*4", "Lamp 3*4"),
        ("1", "1*", ""),
        ("1", "1", None),
        ("1", "12*3", None),
        ("1", "2*3", None),
        ("5*\0\0", "5*42*1", "1"),
        ("5*\0\0", "5*4", None),
    ],
)
def test_the_added_text_is_one_answer_or_none(consumed: str, text: str, answer: str | None) -> None:
    assert ussd_text.added(consumed, text) == answer


@pytest.mark.parametrize(
    ("consumed", "text", "known", "answers"),
    [
        ("", "", None, ()),
        ("", "1*Lamp 3*4", None, ("1", "Lamp 3", "4")),
        ("", "1*Lamp 3*4", 0, ("1*Lamp 3*4",)),
        ("", "1*Lamp 3*4", 1, ("1", "Lamp 3*4")),
        ("1", "1*Lamp 3*4", 1, ("Lamp 3*4",)),
        ("1", "1*Lamp 3*4", None, ("Lamp 3", "4")),
        ("1", "1*2*3*4*5", 5, ("2", "3", "4*5")),
        ("1*2", "1*2*3*4", 1, ("3", "4")),
        ("1", "1*2", 3, ("2",)),
        ("1", "1", 1, ()),
        ("1", "1*23*4", 3, ("23", "4")),
    ],
)
def test_the_last_answer_is_whole_if_it_is_known_where_it_begins(
    consumed: str, text: str, known: int | None, answers: tuple[str, ...]
) -> None:
    assert tuple(ussd_text.answers_after(consumed, text, known)) == answers


def test_a_masked_answer_keeps_its_length_only() -> None:
    consumed = ussd_text.append(ussd_text.append("", "5"), ussd_text.mask("8642"))

    assert consumed == "5*\0\0\0\0"
    assert ussd_text.starts_with("5*8642*1", consumed)
    assert not ussd_text.starts_with("4*8642*1", consumed)
