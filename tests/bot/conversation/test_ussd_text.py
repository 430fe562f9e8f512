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


def test_a_masked_answer_keeps_its_length_only() -> None:
    consumed = ussd_text.append(ussd_text.append("", "5"), ussd_text.mask("8642"))

    assert consumed == "5*\0\0\0\0"
    assert ussd_text.starts_with("5*8642*1", consumed)
    assert not ussd_text.starts_with("4*8642*1", consumed)
