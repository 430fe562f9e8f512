"""Yes and no, and a line of a menu.

yes_no("Ndiyo tafadhali")      Read(True)
choice("2.", ["Yes", "No"])    Read(1)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .folding import clean, words
from .result import Read, Unreadable
from .similarity import nearest
from .vocabulary import ALL, NO, NUMBERS, POLITE, YES

_MENU_NUMBER = re.compile(r"[\s(#]*0*(\d{1,3})[\s).:,]*")


def yes_no(text: str) -> Read[bool]:
    """Yes or no in any language offered, with or without polite words; 1 is yes and 2 is no. Raises Unreadable."""
    typed = {_unstretched(word) for word in words(text) if not _is_emoji(word)} - POLITE
    for answer, accepted in _ANSWERS.items():
        if typed and typed <= accepted:
            return Read(answer)
    raise Unreadable("yes_no")


def is_all(text: str) -> bool:
    """True for a word that means all of it, in any language offered."""
    typed = set(words(text)) - POLITE
    return bool(typed) and typed <= _ALL


def choice(text: str, labels: Sequence[str]) -> Read[int]:
    """The index in `labels` of the line that was picked: by its number, by some of its words or by its first letters.

    A misspelt line is a guess. Raises Unreadable.
    """
    if number := _MENU_NUMBER.fullmatch(clean(text)):
        return Read(_index(int(number[1]), labels))
    typed, lines = words(text), [" ".join(words(label)) for label in labels]
    if not typed:
        raise Unreadable("choice" if text.strip() else "empty")
    phrase = " ".join(typed)
    tests: tuple[Callable[[str], bool], ...] = (
        lambda line: line == phrase,
        lambda line: set(typed) <= set(line.split()),
        lambda line: line.startswith(phrase),
        lambda line: f" {phrase}" in line,
    )
    for test in tests:
        if hits := [index for index, line in enumerate(lines) if test(line)]:
            return Read(_single(hits))
    return Read(_index(NUMBERS[phrase], labels)) if phrase in NUMBERS else _nearest_line(phrase, lines)


def _is_emoji(word: str) -> bool:
    """True for signs that are neither a word nor an answer, such as 🙏."""
    return not any(map(str.isalnum, word)) and not any(word in known for known in _ANSWERS.values())


def _unstretched(word: str) -> str:
    """The word without repeated letters, so that `yesss` is `yes`, and `eeeh` the same as `eeh`."""
    return re.sub(r"(\D)\1+", r"\1", word)


_ALL = frozenset(ALL.split())
_ANSWERS = {answer: frozenset(map(_unstretched, known.split())) for answer, known in ((True, YES), (False, NO))}


def _index(number: int, labels: Sequence[str]) -> int:
    if not 1 <= number <= len(labels):
        raise Unreadable("choice")
    return number - 1


def _single(hits: Sequence[int]) -> int:
    if len(hits) > 1:
        raise Unreadable("ambiguous")
    return hits[0]


def _nearest_line(phrase: str, lines: Sequence[str]) -> Read[int]:
    candidates = [(part, index) for index, line in enumerate(lines) for part in (line, *line.split())]
    index = nearest(phrase, candidates)
    if index is None:
        raise Unreadable("choice")
    return Read(index, certain=False)
