"""Languages as dialogues and texts use them: the catalogue of a room, dressed for `flows`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import locales
from flows.kit import Words


@cache
def words(language: str) -> Words:
    """How a language says things; its catalogue is read once."""
    spoken = locales.catalogue(language)
    return Words(language, spoken.text, spoken.plural, spoken.money, spoken.day, latin=spoken.latin)


def offered(codes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Codes and own names, in the order they are offered."""
    return tuple((code, locales.catalogue(code).name) for code in codes)
