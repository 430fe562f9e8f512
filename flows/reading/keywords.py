"""Finds the keyword that a text begins with, and splits a text into its parts.

match("SELL kiondo 1500", {"sell": "SELL"})     Read(("SELL", "kiondo 1500"))
match("SEL kiondo 1500", {"sell": "SELL"})      Read(("SELL", "kiondo 1500"), certain=False)
tokens("SELL,kiondo;1,650*x3")                  ["SELL", "kiondo", "1,650", "x3"]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from itertools import dropwhile

from .folding import LOST_LETTER, WORD, clean, fold, plain_words
from .result import Read
from .similarity import nearest
from .vocabulary import GREETINGS, PLEASE, POLITE_PHRASES

_PHRASES = [(phrase.split(), word) for phrase, word in POLITE_PHRASES.items()]
_MIN_LETTERS = 3  # SEL: a misspelt keyword may be shorter than other guesses, because it is asked back
_MAX_WORDS = 3

# After a keyword people also write a full stop, a colon, a dash or an equals sign: `YES.K7P4`, `SELL-kiondo`.
_ENDS = " ,;*/.،፣፤.:=_-"
_AFTER_KEYWORD = re.compile(rf"[^\w\s]*[{_ENDS}]*")  # a mark that belongs to the keyword, then separators
_MARKS_AROUND = re.compile(r"^[\W_]+|[\W_]+$")
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
    canonical = {_folded(written): name for written, name in table.items()}
    matches = list(dropwhile(lambda word: _is_greeting(fold(word[0])), WORD.finditer(cleaned)))[:_MAX_WORDS]
    folded = [fold(word[0]) for word in matches]
    beginnings = [(" ".join(folded[:count]), _rest(cleaned, word)) for count, word in enumerate(matches, 1)][::-1]
    for beginning, rest in beginnings:
        if written := known(beginning, canonical):
            return Read((canonical[written], rest))
    for beginning, rest in beginnings:
        if name := nearest(beginning, canonical.items(), _MIN_LETTERS):
            return Read((name, rest), certain=False)
    return None


def said(text: str) -> list[str]:
    """The words of a text, folded, without the greetings before them and the polite words around them."""
    return list(dropwhile(_is_greeting, plain_words(without_courtesy(text))))


def known(word: str, table: Mapping[str, object]) -> str | None:
    """The key of `table` that a folded word is; a letter that was lost may be any. None if it is none, or may be two.

    known("relev\ufffd", {"releve": "STATEMENT"})     "releve"
    """
    if word in table:
        return word
    if LOST_LETTER not in word or len(word) - word.count(LOST_LETTER) < _MIN_LETTERS:
        return None
    pattern = re.compile(".".join(map(re.escape, word.split(LOST_LETTER))))
    alike = [key for key in table if pattern.fullmatch(key)]
    return alike[0] if len({table[key] for key in alike}) == 1 else None


def _rest(cleaned: str, keyword: re.Match[str]) -> str:
    """The text after the last word of a keyword."""
    after = cleaned[keyword.end() :]
    return _AFTER_KEYWORD.sub("", after, count=1)


def _is_greeting(word: str) -> bool:
    return word in GREETINGS or word in PLEASE


def _bare(word: str) -> str:
    return _MARKS_AROUND.sub("", fold(word))


def _says_something(word: str) -> bool:
    """False for marks and emoji alone."""
    return any(map(str.isalnum, word))


def is_polite(text: str) -> bool:
    """True if the text says nothing but please and thanks."""
    return without_courtesy(text) == ""


def without_courtesy(text: str, polite: Collection[str] = PLEASE) -> str:
    """The text without the polite words, marks and emoji at its beginning and end."""
    kept = clean(text).split(" ")
    if len(kept) > 1:
        kept = _with_phrases_as_words(kept)
    while kept and _is_courtesy(kept[0], polite):
        del kept[0]
    while kept and _is_courtesy(kept[-1], polite):
        del kept[-1]
    return " ".join(kept)


def _is_courtesy(word: str, polite: Collection[str]) -> bool:
    return not _says_something(word) or _bare(word) in polite


def _with_phrases_as_words(written: list[str]) -> list[str]:
    """The words with each polite phrase, where it stands first, in a single word."""
    folded = [_bare(each) for each in written]
    for phrase, word in _PHRASES:
        for begin in range(len(folded) - len(phrase) + 1):
            if folded[begin : begin + len(phrase)] == phrase:
                written = [*written[:begin], word, *written[begin + len(phrase) :]]
                folded = [_bare(each) for each in written]
                break
    return written


@cache
def _folded(written: str) -> str:
    """A way to write a keyword, folded. There are few, and each text is compared with all of them."""
    return fold(written)
