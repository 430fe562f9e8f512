"""One hop as guards, checks and commands see it: who speaks, where she stands, what she said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from .conversation import Answer, Conversation
from .screen import Channel
from .words import Wording, Words, versions

if TYPE_CHECKING:
    from flows.commands import Outcome
    from flows.market import Market


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """The little that dialogues need to know of somebody; `language` is None until she chose one."""

    msisdn: str
    language: str | None = None
    name: str = ""
    artisan: bool = False
    agent: bool = False
    kiosk: str = ""
    pin: bool = False
    """Whether she has chosen one."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is the same for everybody this service speaks to."""

    country: str
    currency: str
    languages: tuple[tuple[str, str], ...]
    """Code and own name, in the order they are offered."""
    ussd_code: str
    short_code: str


@dataclass(slots=True)
class Turn:
    """Handed to every guard, check, command and item function; `turn["price"]` is an answer."""

    conversation: Conversation
    person: Person
    place: Place
    market: Market
    words: Words
    channel: Channel
    answer: Answer = None
    outcome: Outcome | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.conversation.answers[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.conversation.answers.get(name, default)

    def say(self, text: Wording, **values: object) -> str:
        """The longest version of a message in her language, its {fields} filled in."""
        return self.words.sendable(self.words.text(versions(text)[0]).format_map(values))

    def money(self, amount: int) -> str:
        """Minor units in her way of writing them."""
        return self.words.money(amount, self.place.currency)

    def day(self, day: date) -> str:
        """A day of this year or the next in her way of writing it."""
        return self.words.day(day)
