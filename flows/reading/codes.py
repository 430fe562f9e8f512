"""Codes of orders, products and payouts: letters and digits in turn, such as `K7P4M`."""

from __future__ import annotations

import re

from .folding import PUNCTUATION, clean

_CODE = re.compile(r"(?=.{4,10}$)(?:[A-HJKMNP-Z][2-9])+[A-HJKMNP-Z]?")
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
