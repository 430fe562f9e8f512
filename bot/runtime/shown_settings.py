"""The settings of a process in words, without secrets, for those who run it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.runtime.settings import PUBLISHED, Settings, is_secret
from state.redis_addresses import passwords

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting by the name of its variable. `is_set` is false for a default."""

    name: str
    value: str
    is_set: bool


def of(settings: Settings) -> Iterator[ShownSetting]:
    """Every setting, in the order of the class; of a secret only whether there is one."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        words = _secret(value) if is_secret(name) else _without_passwords(_words(value))
        yield ShownSetting(name.upper(), words, name in settings.model_fields_set)


def _secret(value: str | None) -> str:
    if not value:
        return "none"
    return "the value of development, which is published" if value in PUBLISHED else f"{HIDDEN} (not shown)"


def _words(value: object) -> str:
    match value:
        case bool():
            return "on" if value else "off"
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(str, value)) or "none"
        case dict():
            return ", ".join(f"{key}={each}" for key, each in value.items()) or "none"
    return "none" if value in (None, "") else str(value)


def _without_passwords(words: str) -> str:
    if "://" not in words:
        return words
    for password in passwords(words):
        words = words.replace(password, HIDDEN)
    return words
