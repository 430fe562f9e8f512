"""Which known word a misspelt one is most like. What is found this way is a guess."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeVar

from anyascii import anyascii
from rapidfuzz.distance import OSA

from .folding import clean, fold

T = TypeVar("T")

_MIN_SIMILARITY = 0.75
_MIN_LETTERS = 4
"""Shorter words are too much like one another."""


def nearest(said: str, known: Iterable[tuple[str, T]], min_letters: int = _MIN_LETTERS) -> T | None:
    """What a misspelt word most likely means; None if nothing is near enough, or two meanings are equally near.

    `known` are folded words with their meanings. Words in other scripts are compared by their sounds: መሽጥ is to መሸጥ as
    SEL to SELL.
    """
    sound = _sound(said)
    scored = [
        (OSA.normalized_similarity(sound, _sound(word), score_cutoff=_MIN_SIMILARITY), meaning)
        for word, meaning in known
        if min(len(_sound(word)), len(sound)) >= min_letters
    ]
    best = max((score for score, _ in scored), default=0.0)
    meanings = {meaning for score, meaning in scored if score == best}
    return meanings.pop() if best and len(meanings) == 1 else None


def most_similar(text: str, words: Sequence[str]) -> str:
    """The one of `words` that the beginning of the text is most like."""
    begin = _sound(fold(clean(text)))
    return max(words, key=lambda word: OSA.similarity(begin[: len(word)], _sound(fold(word))) / len(word))


@cache
def _sound(word: str) -> str:
    """A folded word in Latin letters."""
    return word if word.isascii() else anyascii(word).casefold()
