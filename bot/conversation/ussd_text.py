"""The cumulative text of a USSD session: finds the answer that a request adds, and masks secrets.

A gateway sends all answers of a session so far, joined by `*`, and an answer may itself contain `*`:

    ""                       the call begins
    "1"                      the first answer
    "1*Lamp 3*4"             the second answer is "Lamp 3*4"

So the text cannot be split at `*`. Instead the consumed text is stored, and what follows it is one answer.
"""

from __future__ import annotations

from collections.abc import Sequence

MASK = "\0"
"""Stands in the consumed text for each character of a secret."""


def split(text: str) -> Sequence[str]:
    """The answers in a text of which nothing was consumed yet; an answer that contains `*` counts as several."""
    return text.split("*") if text else ()


def answers_after(consumed: str, text: str, last_begins_after: int | None = None) -> Sequence[str]:
    """The answers that follow `consumed` in `text`, which begins with it.

    `last_begins_after` is the length of the text before the last answer, if it is known: then the last answer may
    contain `*`. The answers before it are split.
    """
    begins_at = len(consumed) + 1 if consumed else 0
    known = last_begins_after
    if known is None or not len(consumed) <= known < len(text) or (known and text[known] != "*"):
        return split(text[begins_at:])
    last = text[known + 1 :] if known else text
    return (*split(text[begins_at:known]), last)


def mask(answer: str) -> str:
    """As many mask characters as the answer is long."""
    return MASK * len(answer)


def append(consumed: str, answer: str) -> str:
    """The consumed text with one more answer."""
    return f"{consumed}*{answer}" if consumed else answer


def starts_with(text: str, consumed: str) -> bool:
    """True if `text` begins with `consumed`; a mask character there matches any character."""
    if MASK not in consumed:
        return text.startswith(consumed)
    if len(text) < len(consumed):
        return False
    return all(expected in (actual, MASK) for expected, actual in zip(consumed, text, strict=False))


def added(consumed: str, text: str) -> str | None:
    """The one answer that follows `consumed` in `text`, with any `*` in it; None if `text` does not continue it."""
    if not consumed:
        return text or None
    return text[len(consumed) + 1 :] if starts_with(text, consumed + "*") else None
