"""Words as a flow sees them: messages marked in place, and one language handed in by the hall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import overload

from flows import gsm7

Wording = str | tuple[str, ...]
"""A message, or its versions from the longest to the shortest; rendering takes the longest that fits."""


@overload
def N_(message: str, /) -> str: ...
@overload
def N_(message: str, /, *shorter: str) -> tuple[str, ...]: ...
def N_(message: str, /, *shorter: str) -> Wording:
    """Marks words for translators; the English stays in the source and is its own key."""
    return (message, *shorter) if shorter else message


def versions(text: Wording) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


@dataclass(frozen=True, slots=True)
class Words:
    """One language: how it says a message, one or many of something, an amount of money in minor units, and a day."""

    language: str
    text: Callable[[str], str]
    plural: Callable[[str, str, int], str]
    money: Callable[[int, str], str]
    day: Callable[[date], str]
    latin: bool = True
    """Whether it is written in Latin letters, so that everything said in it can stay GSM-7."""

    def sendable(self, text: str) -> str:
        """A text as it can leave: typographic signs made plain, and in a Latin language nothing outside GSM-7.

        One letter too many would halve what fits on a screen; names and titles stay whole where they are kept.
        """
        return gsm7.transliterate(text) if self.latin else gsm7.plain(text)
