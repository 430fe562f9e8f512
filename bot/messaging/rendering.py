"""Languages as dialogues and texts use them: the catalogue of a room, dressed for `flows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import Connection

import locales
from flows.kit import SMS, Screen, Wording, Words, versions
from state import people


@cache
def words(language: str) -> Words:
    """How a language says things; its catalogue is read once."""
    spoken = locales.catalogue(language)
    return Words(language, spoken.text, spoken.plural, spoken.money, spoken.day, latin=spoken.latin)


def words_for(conn: Connection, msisdn: str, otherwise: str) -> Words:
    """The language of whoever reads it: the one she chose with us, else `otherwise`."""
    known = people.find(conn, msisdn)
    return words(known.language if known and known.language else otherwise)


def render_sms(words: Words, said: Wording, fields: Mapping[str, object]) -> str:
    """The longest version of a message that fits one text."""
    bodies = [words.sendable(words.text(version).format_map(fields)) for version in versions(said)]
    return Screen(bodies).render(SMS)


def language_names(codes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Codes and own names, in the order they are offered."""
    return tuple((code, locales.catalogue(code).name) for code in codes)
