"""Finds the known word that is most similar to a misspelt one. Every match is a guess."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

from anyascii import anyascii
from rapidfuzz.distance import OSA

from .folding import clean, fold

T = TypeVar("T")

_MIN_SIMILARITY = 0.75
_MIN_LETTERS = 4
"""Shorter words are too similar to one another."""


def nearest(typed: str, candidates: Iterable[tuple[str, T]], min_letters: int = _MIN_LETTERS) -> T | None:
    """The meaning of the most similar word; None if no word is similar enough, or two meanings are equally similar.

    `candidates` are folded words with their meanings. Words in other scripts are compared in Latin letters, so መሽጥ is
    as similar to መሸጥ as SEL is to SELL.
    """
    latin = _in_latin_letters(typed)
    scored = [
        (OSA.normalized_similarity(latin, _in_latin_letters(word), score_cutoff=_MIN_SIMILARITY), meaning)
        for word, meaning in candidates
        if min(len(_in_latin_letters(word)), len(latin)) >= min_letters
    ]
    best = max((score for score, _ in scored), default=0.0)
    meanings = {meaning for score, meaning in scored if score == best}
    return meanings.pop() if best and len(meanings) == 1 else None


def most_similar(text: str, words: Sequence[str]) -> str:
    """The word of `words` that is most similar to the beginning of the text."""
    begin = _in_latin_letters(fold(clean(text)))
    return max(words, key=lambda word: OSA.similarity(begin[: len(word)], _in_latin_letters(fold(word))) / len(word))


@lru_cache(1024)  # more than all keywords and titles of a screen; texts of strangers must not stay for ever
def _in_latin_letters(word: str) -> str:
    """A folded word in Latin letters."""
    return word if word.isascii() else anyascii(word).casefold()
