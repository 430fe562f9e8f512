"""What guards, checks and commands are given in a hop: the person, the conversation and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from flows.reading.unsafe_text import OUR_NAME

from .conversation import Answer, Conversation
from .screen import Channel
from .words import Wording, Words, versions

if TYPE_CHECKING:
    from flows.commands import Outcome
    from flows.market import Market


SERVICE_CODE = "{ussd_code}"
"""The field that only words for people who can dial have."""


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """What dialogues need to know of the person.

    `language` is None until the person chose one or used a keyword of one. `locale` is the locale of the latest order
    that the person placed as a buyer; None for a person who has bought nothing.
    """

    msisdn: str
    language: str | None = None
    name: str = ""
    artisan: bool = False
    agent: bool = False
    kiosk: str = ""
    """The name of the kiosk where the person is the agent."""
    pin: bool = False
    """True if the person has a PIN."""
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The settings that are the same for all people who use this service."""

    country: str
    """ISO 3166-1 alpha-2."""
    currency: str
    """ISO 4217."""
    languages: tuple[tuple[str, str], ...]
    """Code and own name of each language, in the order they are offered."""
    ussd_code: str
    """The service code; empty where USSD is switched off."""
    short_code: str
    payout_network: str = "M-PESA"
    """The mobile money that artisans are paid with, as people call it."""
    payout_country: str = "KE"
    """ISO 3166-1 alpha-2: only the numbers of this country have a wallet of the network."""
    payout_prefix: str = "+254"
    """How these numbers begin."""
    senders: tuple[str, ...] = OUR_NAME
    """The names and numbers that our texts come from."""


@dataclass(slots=True)
class Turn:
    """Given to every guard, check, command and item function. `turn["price"]` is an answer of the conversation."""

    conversation: Conversation
    person: Person
    place: Place
    market: Market
    words: Words
    channel: Channel
    answer: Answer = None
    """The value that was answered last in this hop."""
    outcome: Outcome | None = None
    """The outcome of the last command in this hop."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    can_ask: bool = True
    """False if the person has left the dialogue, and will read its last notice only."""

    def __getitem__(self, name: str) -> Any:
        return self.conversation.answers[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.conversation.answers.get(name, default)

    def versions(self, text: Wording) -> tuple[str, ...]:
        """The versions of a wording, the longest first; where nobody can dial, those without the service code."""
        every = versions(text)
        return every if self.place.ussd_code else tuple(one for one in every if SERVICE_CODE not in one)

    def say(self, text: Wording, **values: object) -> str:
        """The longest version of a message in the person's language, its {fields} filled in."""
        return self.say_with(self.versions(text)[0], values)

    def say_with(self, version: str, values: Mapping[str, object]) -> str:
        """One version of a message in the person's language, its {fields} filled in."""
        return self.words.sendable(self.words.text(version).format_map(values))

    def money(self, amount: int) -> str:
        """An amount in minor units as the person's language writes it."""
        return self.words.money(amount, self.place.currency)

    def day(self, day: date) -> str:
        """A day of this year or the next as the person's language writes it."""
        return self.words.day(day)
