"""Messages of flows, in English and marked for translation, and the language that the bot passes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import overload

from flows import gsm7

Wording = str | tuple[str, ...]
"""A message, or its versions, the longest first; rendering takes the longest that fits."""


@overload
def N_(message: str, /) -> str: ...
@overload
def N_(message: str, /, *shorter: str) -> tuple[str, ...]: ...
def N_(message: str, /, *shorter: str) -> Wording:
    """Marks a message for translation. The English in the source is its own key."""
    return (message, *shorter) if shorter else message


def versions(text: Wording) -> tuple[str, ...]:
    """The versions of a wording, the longest first."""
    return (text,) if isinstance(text, str) else text


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its text for a message or a plural, and its format for an amount in minor units and for a day."""

    language: str
    text: Callable[[str], str]
    plural: Callable[[str, str, int], str]
    money: Callable[[int, str], str]
    day: Callable[[date], str]
    latin: bool = True
    """True if it is written in Latin letters, so that all its texts can be in GSM-7."""

    def sendable(self, text: str) -> str:
        """A text as it is sent: typography made plain, and in a Latin language nothing outside GSM-7.

        One letter outside GSM-7 would halve what fits on a screen. Names and titles are stored as they were typed.
        """
        return gsm7.transliterate(text) if self.latin else gsm7.plain(text)
