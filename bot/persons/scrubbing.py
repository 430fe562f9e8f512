"""Replaces a person in values: the phone number in every spelling, the name and the address.

scrub = Scrub.of(subject, "erased-3f9c…")
scrub.text("Call Akinyi: 0711 000 103")        "Call (erased): erased-3f9c…"
scrub.document({"id": "art_1", "name": "A"})   {"id": "art_1", "name": "(erased)"}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import phonenumbers

from bot.persons.subject import ADDRESS_LINES, DataSubject

ERASED = "(erased)"
"""Stands where a name was."""
GAP = r"[^0-9A-Za-z]{0,2}"
"""What people write between the digits of a number."""
PROSE = ("note", "reason", "text")
"""The fields of JSON documents in which people write sentences."""
_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Scrub:
    """Replaces one person. Each method returns its value unchanged if the person is not in it."""

    subject: DataSubject
    pseudonym: str
    number: re.Pattern[str]
    own_words: re.Pattern[str]
    """The names that no other person has, and the lines of addresses."""
    names: re.Pattern[str]
    """All names, and the lines of addresses."""

    @classmethod
    def of(cls, subject: DataSubject, pseudonym: str) -> Self:
        return cls(
            subject,
            pseudonym,
            re.compile(number_pattern(subject.msisdn)),
            _whole_words(subject.own_words),
            _whole_words(subject.names | subject.addresses),
        )

    def text(self, value: str) -> str:
        """A text in which anybody may be mentioned."""
        return self.own_words.sub(ERASED, self.number.sub(self.pseudonym, value))

    def numbers(self, value: str) -> str:
        """A text in which only the number is replaced, such as a key or the name of another person's product."""
        return self.number.sub(self.pseudonym, value)

    def linked_text(self, value: str) -> str:
        """A text that is about this person."""
        return self.names.sub(ERASED, self.number.sub(self.pseudonym, value))

    def mentions(self, value: bytes) -> bool:
        """True if the bytes of a conversation contain the number or a name of this person's own."""
        text = value.decode("utf-8", "replace")
        return self.text(text) != text

    def document(self, value: Any) -> Any:
        """A JSON value: a snapshot of an order, an artisan, a product or a kiosk, or anything else."""
        return self._linked(value) if self._is_about_subject(value) else self.unlinked(value)

    def unlinked(self, value: Any, key: str = "") -> Any:
        """A JSON value that is not about this person: names are replaced only in sentences, under `PROSE`."""
        match value:
            case dict():
                return {inner_key: self.unlinked(inner, inner_key) for inner_key, inner in value.items()}
            case list():
                return [self.unlinked(inner, key) for inner in value]
            case str():
                return self.text(value) if key in PROSE else self.numbers(value)
        return value

    def json(self, value: str) -> str:
        """The same for JSON in a text; a text that is no JSON is only searched for words."""
        try:
            document = json.loads(value)
        except ValueError:
            return self.text(value)
        scrubbed = self.document(document)
        return value if scrubbed == document else json.dumps(scrubbed, ensure_ascii=False, separators=(",", ":"))

    def _is_about_subject(self, value: Any) -> bool:
        """True if the document names the artisan or an order by id, or has the number."""
        match value:
            case dict():
                return any(map(self._is_about_subject, value.values()))
            case list():
                return any(map(self._is_about_subject, value))
            case str():
                return value in self.subject.ids or self.number.search(value) is not None
        return False

    def _linked(self, value: Any) -> Any:
        match value:
            case dict():
                return self._known_fields({key: self._linked(inner) for key, inner in value.items()}, value)
            case list():
                return [self._linked(inner) for inner in value]
            case str():
                return self.linked_text(value)
        return value

    def _known_fields(self, scrubbed: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """The fields whose meaning is known, without the person; `before` still has the number."""
        id = before.get("id")
        if id == self.subject.artisan_id and "name" in scrubbed:
            scrubbed["name"] = ERASED
        if before.get("phone") == self.subject.msisdn and "name" in scrubbed:  # a buyer, or a kiosk's agent
            scrubbed["name"] = ERASED
        if id in self.subject.order_ids and isinstance(before.get("ship_to"), dict):
            scrubbed |= {"ship_to": without_address(before["ship_to"]), "note": None}
        if id in self.subject.product_ids and "photos" in scrubbed:
            scrubbed |= {"photos": [], "description": ""}
        return scrubbed


def without_address(ship_to: Mapping[str, Any]) -> dict[str, Any]:
    """An address of which only town, region and country are left; the fields are the same.

    >>> without_address({"name": "Ann", "line1": "1 High St", "line2": None, "city": "Leeds", "country": "GB"})
    {'name': '', 'line1': '', 'line2': None, 'city': 'Leeds', 'country': 'GB'}
    """
    return {key: "" if key in ADDRESS_LINES and value is not None else value for key, value in ship_to.items()}


def number_pattern(msisdn: str) -> str:
    """A regular expression of Python for a number as people write it: +254 711 000 103, 0711-000-103, 711000103."""
    country, national = _parts(msisdn)
    digits = GAP.join(national)
    return rf"(?<!\d)(?:(?:\+|00)?{GAP.join(country)}{GAP}\(?0?\)?{GAP}|0{GAP})?{digits}(?!\d)"


def number_condition(msisdn: str) -> str:
    """A simpler expression, for SQLite and PostgreSQL, that matches at least as much."""
    return GAP.join(_parts(msisdn)[1])


def _parts(msisdn: str) -> tuple[str, str]:
    """The digits of the country code and of the rest."""
    try:
        parsed = phonenumbers.parse(msisdn)
    except phonenumbers.NumberParseException:
        return "", msisdn.lstrip("+")
    return str(parsed.country_code), phonenumbers.national_significant_number(parsed)


def _whole_words(texts: Iterable[str]) -> re.Pattern[str]:
    """Matches each text where no letter or digit stands beside it, the longest first."""
    longest_first = sorted(filter(None, texts), key=lambda text: (-len(text), text))
    if not longest_first:
        return _NOTHING
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
