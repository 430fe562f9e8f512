"""Codes of orders, products and payouts: letters and digits in turn, such as `K7P4M`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .folding import PUNCTUATION, clean, fold
from .keywords import tokens, without_courtesy
from .vocabulary import ABOUT_A_CODE

_CODE = re.compile(r"(?=.{4,10}$)(?:[A-HJKMNP-Z][2-9])+[A-HJKMNP-Z]?")
_PART = 3  # a code is read out in parts of up to so many characters: `K7 P4`
_AS_LETTER, _AS_DIGIT = str.maketrans("5286", "SZBG"), str.maketrans("SZBG", "5286")


def read(text: str) -> str | None:
    """The code, written in any case and spacing; None if the text is not a code.

    The position of a confusable character decides what it means: S or 5, Z or 2, B or 8, G or 6.
    """
    characters = re.sub(r"[\s.-]", "", clean(text).strip(PUNCTUATION))
    if not characters.isascii():
        return None
    tables = (_AS_DIGIT if index % 2 else _AS_LETTER for index in range(len(characters)))
    repaired = "".join(map(str.translate, characters.upper(), tables))
    return repaired if _CODE.fullmatch(repaired) else None


def find(text: str) -> tuple[str, list[str]] | None:
    """The code in a text as it is written there, and the other parts of the text; None if there is no code.

    Polite words, and words that only say that a code follows (`for order K7P4`), are left out.
    """
    parts = [part for part in tokens(without_courtesy(text)) if fold(part).strip(PUNCTUATION) not in ABOUT_A_CODE]
    for begin in range(len(parts)):
        if found := leading(parts[begin:], is_first=begin == 0):
            code, after = found
            return code, [*parts[:begin], *after]
    return None


def leading(parts: Sequence[str], *, is_first: bool = False) -> tuple[str, list[str]] | None:
    """The code that the parts of a text begin with, perhaps in several parts (`k7 p4`), and the parts after it.

    A code in letters only (`KSPG` for `K5P6`) is one only right after a keyword, because elsewhere it may be a word.
    """
    for count in range(1, len(parts) + 1):
        if count > 1 and any(len(part) > _PART for part in parts[:count]):
            return None
        written = " ".join(part.strip(PUNCTUATION) for part in parts[:count])
        has_digit = any(map(str.isdecimal, written))
        if read(written) and any(map(str.isalpha, written)) and (has_digit or (is_first and count == 1)):
            return written, list(parts[count:])
    return None


def alone(text: str) -> str | None:
    """The code that a text consists of, polite words aside; None for any other text."""
    found = leading(tokens(without_courtesy(text)))
    return read(found[0]) if found and not found[1] else None
