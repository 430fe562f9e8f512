"""The words of a language for dialogues and messages: a catalogue of `locales` in the form that `flows` needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from string import Formatter

from sqlalchemy import Connection

import locales
from flows.kit import SMS, Screen, Wording, Words, versions
from state import people


@cache
def words(language: str) -> Words:
    """The words of the language with this code. Its catalogue is read once."""
    catalogue = locales.catalogue(language)
    return Words(language, catalogue.text, catalogue.plural, catalogue.money, catalogue.day, latin=catalogue.latin)


def words_for(conn: Connection, msisdn: str, default: str) -> Words:
    """The words of the language that the owner of a phone has chosen, else those of the language `default`."""
    person = people.find(conn, msisdn)
    return words(person.language if person and person.language else default)


def render_sms(words: Words, wording: Wording, fields: Mapping[str, object]) -> str:
    """The longest version of a wording that fits one SMS, with its fields filled in.

    Versions with a field that is empty are left out, if there are others.
    """
    complete = [
        version for version in versions(wording) if not any(fields[name] in ("", None) for name in _fields(version))
    ]
    texts = [words.sendable(words.text(version).format_map(fields)) for version in complete or versions(wording)]
    return Screen(tuple(texts)).render(SMS)


@cache
def _fields(version: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(version) if name)


def language_names(codes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each language code with the language's own name, in the given order."""
    return tuple((code, locales.catalogue(code).name) for code in codes)
