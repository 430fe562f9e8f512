"""Codes that people read out, write down and type: `K7P4`.

Letters and digits alternate, and the first is a letter. So no code is a word or a number, and a misread character
(`S` for `5`) is corrected by its position.
"""

from __future__ import annotations

from random import Random

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"
DIGITS = "23456789"
SHORTEST, LONGEST = 4, 10

_AS_LETTER = str.maketrans("5286", "SZBG")
_AS_DIGIT = str.maketrans("SZBG", "5286")
_FILLERS = str.maketrans("", "", " -\u2010\u2011\u2013\t\n\r\u00a0")


def draw(random: Random, length: int = SHORTEST) -> str:
    """A random code of `length` characters."""
    return "".join(random.choice(DIGITS if place % 2 else LETTERS) for place in range(length))


def normalise(text: str) -> str | None:
    """The code in the typed `text`, or None if it cannot be a code.

    >>> normalise(" k7-p4 ")
    'K7P4'
    """
    typed = text.upper().translate(_FILLERS)
    code = "".join(character.translate(_AS_DIGIT if place % 2 else _AS_LETTER) for place, character in enumerate(typed))
    return code if _is_code(code) else None


def _is_code(text: str) -> bool:
    return SHORTEST <= len(text) <= LONGEST and all(
        character in (DIGITS if place % 2 else LETTERS) for place, character in enumerate(text)
    )
