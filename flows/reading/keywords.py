"""Finds the keyword that a text begins with, and splits a text into its parts.

match("SELL kiondo 1500", {"sell": "SELL"})     Read(("SELL", "kiondo 1500"))
match("SEL kiondo 1500", {"sell": "SELL"})      Read(("SELL", "kiondo 1500"), certain=False)
tokens("SELL,kiondo;1,650*x3")                  ["SELL", "kiondo", "1,650", "x3"]
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .folding import PUNCTUATION, clean, fold, words
from .result import Read
from .similarity import nearest
from .vocabulary import PLEASE

_MIN_LETTERS = 3  # SEL: a misspelt keyword may be shorter than other guesses, because it is asked back
_MAX_WORDS = 3

# After a keyword people also write a full stop, a colon, a dash or an equals sign: `YES.K7P4`, `SELL-kiondo`.
_ENDS = " ,;*/.،፣፤.:=_-"
_WORD = re.compile(rf"[^\s{_ENDS}]+")
# A comma before three digits, and a slash before = or -, belong to a price. A full stop separates words, and a count
# from a price (`1500.3`); between other digits it is a decimal point.
_TOKEN = re.compile(
    r"(?:[^\s,;*/.،፣፤]|(?<!\d{4})(?<=\d),(?=\d{3}(?!\d))|(?<=\d)/(?=[=-])"
    r"|(?<![a-z]\d[a-z]\d)(?<=\d)\.(?=\d)(?!(?<=\d{3}\.)\d(?![\dk])))+",
    re.IGNORECASE,
)


def tokens(text: str) -> list[str]:
    """The parts of a text, separated by spaces, line ends, `,` `;` `*` `.` or `/`; a price stays whole."""
    return _TOKEN.findall(clean(text))


def match(text: str, table: Mapping[str, str]) -> Read[tuple[str, str]] | None:
    """The keyword that a text begins with and the text after it, or None; a misspelt keyword is a guess.

    `table` gives each way to write a keyword (up to three words) its canonical name.
    """
    cleaned = clean(text)
    canonical = {fold(written): name for written, name in table.items()}
    matches = [match for match, _ in zip(_WORD.finditer(cleaned), range(_MAX_WORDS), strict=False)]
    folded = [fold(word[0]).strip(PUNCTUATION) for word in matches]
    beginnings = [(" ".join(folded[:count]), cleaned[word.end() :]) for count, word in enumerate(matches, 1)][::-1]
    for beginning, rest in beginnings:
        if name := canonical.get(beginning):
            return Read((name, rest.lstrip(_ENDS)))
    for beginning, rest in beginnings:
        if name := nearest(beginning, canonical.items(), _MIN_LETTERS):
            return Read((name, rest.lstrip(_ENDS)), certain=False)
    return None


def is_polite(text: str) -> bool:
    """True if the text says nothing but please and thanks."""
    return PLEASE.issuperset(words(text))
