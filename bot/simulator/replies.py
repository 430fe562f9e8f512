"""Finds what a text asks its reader to answer, so that the page can send it at one touch.

parts("Reply YES K7P4 or call.", is_keyword)    [Part("Reply "), Part("YES K7P4", "send"), Part(" or call.")]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from flows.reading import codes

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_URL = re.compile(r"https?://\S+")
MOST_WORDS = 3
"""The words of the longest keyword."""


class Part(NamedTuple):
    """A piece of a text; `answer` is set if it can be sent as it stands, or typed in front of or behind something."""

    text: str
    answer: Literal["", "send", "type"] = ""


def parts(text: str, is_keyword: Callable[[str], bool]) -> list[Part]:
    """The pieces of a text, in order. `is_keyword` is True for a text that opens a dialogue.

    A keyword is found where it is written in capitals, as our texts write it, or in letters that have none. In a URL
    nothing is found, so that it stays one link.
    """
    found, done = [], 0
    for begin, end, answer in _answers(text, is_keyword):
        found += [Part(text[done:begin]), Part(text[begin:end], answer)]
        done = end
    return [part for part in (*found, Part(text[done:])) if part.text]


def _answers(text: str, is_keyword: Callable[[str], bool]) -> Iterator[tuple[int, int, Literal["send", "type"]]]:
    urls = [url.span() for url in _URL.finditer(text)]
    found = [word.span() for word in _WORD.finditer(text)]
    words = [word for word in found if not any(begin <= word[0] < end for begin, end in urls)]
    at = 0
    while at < len(words):
        count = _longest(text, words[at:], is_keyword)
        begin, end = words[at][0], words[at + max(count, 1) - 1][1]
        if count:
            yield begin, end, "send"
        elif _is_code(text[begin:end]):
            yield begin, end, "type"
        at += max(count, 1)


def _longest(text: str, words: list[tuple[int, int]], is_keyword: Callable[[str], bool]) -> int:
    """How many of the words are an answer: a keyword, then perhaps a code and a number; 0 if they begin with none."""
    begin, count = words[0][0], 0
    if not _is_capital(text[begin : words[0][1]]):
        return 0
    for number, (start, end) in enumerate(words[: MOST_WORDS + 2], 1):
        word, gap = text[start:end], text[words[number - 2][1] : start] if number > 1 else " "
        if gap != " " or not (_is_capital(word) or word.isdecimal()):
            break
        if is_keyword(text[begin:end]):
            count = number
    return count


def _is_capital(word: str) -> bool:
    """True for a word in capitals, also with digits, or in letters that have no capitals."""
    return word == word.upper() and not word.isdecimal()


def _is_code(word: str) -> bool:
    return codes.read(word) == word
