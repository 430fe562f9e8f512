"""Finds the keyword that a text begins with, and splits a text into its parts.

match("SELL kiondo 1500", {"sell": "SELL"})     Read(("SELL", "kiondo 1500"))
match("SEL kiondo 1500", {"sell": "SELL"})      Read(("SELL", "kiondo 1500"), certain=False)
tokens("SELL,kiondo;1,650*x3")                  ["SELL", "kiondo", "1,650", "x3"]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import dropwhile

from .folding import PUNCTUATION, clean, fold
from .result import Read
from .similarity import nearest
from .vocabulary import GREETINGS, PLEASE, POLITE_PHRASES

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

    `table` gives each way to write a keyword (up to three words) its canonical name. Greetings and polite words may
    stand before the keyword, and marks around it.
    """
    cleaned = clean(text)
    canonical = {fold(written): name for written, name in table.items()}
    matches = _after_greetings(cleaned)[:_MAX_WORDS]
    folded = [_bare(word[0]) for word in matches]
    beginnings = [(" ".join(folded[:count]), cleaned[word.end() :]) for count, word in enumerate(matches, 1)][::-1]
    for beginning, rest in beginnings:
        if name := canonical.get(beginning):
            return Read((name, rest.lstrip(_ENDS)))
    for beginning, rest in beginnings:
        if name := nearest(beginning, canonical.items(), _MIN_LETTERS):
            return Read((name, rest.lstrip(_ENDS)), certain=False)
    return None


def _after_greetings(cleaned: str) -> list[re.Match[str]]:
    """The words of a text from the first one that may be a keyword."""
    found = [word for word in _WORD.finditer(cleaned) if _says_something(word[0])]
    return list(dropwhile(lambda word: _bare(word[0]) in GREETINGS | PLEASE, found))


def _bare(word: str) -> str:
    return fold(word).strip(PUNCTUATION)


def _says_something(word: str) -> bool:
    """False for marks and emoji alone."""
    return any(map(str.isalnum, word))


def is_polite(text: str) -> bool:
    """True if the text says nothing but please and thanks."""
    return without_courtesy(text) == ""


def without_courtesy(text: str, polite: Collection[str] = PLEASE) -> str:
    """The text without the polite words, marks and emoji at its beginning and end."""
    kept = clean(text).split(" ")
    for phrase, word in POLITE_PHRASES.items():
        kept = _with_phrase_as_word(kept, phrase.split(), word)
    while kept and _is_courtesy(kept[0], polite):
        del kept[0]
    while kept and _is_courtesy(kept[-1], polite):
        del kept[-1]
    return " ".join(kept)


def _is_courtesy(word: str, polite: Collection[str]) -> bool:
    return not _says_something(word) or _bare(word) in polite


def _with_phrase_as_word(written: list[str], phrase: Sequence[str], word: str) -> list[str]:
    """The words with a phrase, where it stands, in a single word."""
    folded = [_bare(each) for each in written]
    for begin in range(len(folded) - len(phrase) + 1):
        if folded[begin : begin + len(phrase)] == phrase:
            return [*written[:begin], word, *written[begin + len(phrase) :]]
    return written
