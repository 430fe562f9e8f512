"""Telephone numbers: checks an MSISDN, and reads written numbers as MSISDNs.

is_e164("+254712345678")              True
parse("0712 345 678", "KE")           "+254712345678"
read("O712-345-678", "KE")            Read("+254712345678", certain=False)
grouped("+254712345678", "KE")        "0712 345 678"
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from flows.reading.folding import clean
from flows.reading.numbers import LOOKALIKES
from flows.reading.result import Read, Unreadable

E164 = r"^\+[1-9][0-9]{6,14}$"
"""An MSISDN in E.164 (ITU-T): a plus and 7 to 15 digits. The pattern is also what the API documents."""

_E164 = re.compile(E164)
# phonenumbers finds a number in almost any text, so the characters are checked first.
_WRITTEN = re.compile(r"\+?[0-9 ().-]{4,30}")
_TYPED = re.compile(r"\+?[0-9oil ().,/_-]+", re.IGNORECASE)
_QUOTES = "\"'“”‘’"
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def is_e164(number: str) -> bool:
    """True for an MSISDN in E.164, in use or not. False for a short code such as `22384`."""
    return _E164.fullmatch(number) is not None


def prefix(country: str) -> str:
    """How the numbers of a country (ISO 3166) begin, such as `+254`."""
    return f"+{phonenumbers.country_code_for_region(country)}"


def country(number: str) -> str | None:
    """The country (ISO 3166) of an MSISDN; None if no country has it."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except NumberParseException:
        return None


def is_mobile_of(number: str, country: str) -> bool:
    """True for the MSISDN of a mobile number of this country (ISO 3166)."""
    try:
        mobile = phonenumbers.parse(_mobile(number, country))
    except Unreadable:
        return False
    return phonenumbers.region_code_for_number(mobile) == country


def grouped(number: str, country: str) -> str:
    """An MSISDN in groups of digits, so that people can compare it: `0712 345 678` in its country, else with `+`."""
    parsed = phonenumbers.parse(number)
    if phonenumbers.region_code_for_number(parsed) != country:
        return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    digits = re.sub(r"\D", "", phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL))
    return f"{digits[:4]} {digits[4:7]} {digits[7:]}".strip()


def parse(text: str, country: str) -> str:
    """The MSISDN of a mobile number, written with `+` or `00`, or as people of `country` (ISO 3166) dial it.

    Raises ValueError with a message for the person who wrote the number.
    """
    number = re.sub("^00", "+", text.strip())
    try:
        if not _WRITTEN.fullmatch(number):
            raise Unreadable("phone")
        return _mobile(number, country)
    except Unreadable:
        raise ValueError("is not a mobile number; write it like +254712345678") from None


def read(text: str, country: str) -> Read[str]:
    """The MSISDN of a mobile number as somebody types it on a phone; a number of another country needs its `+`.

    Letters in place of digits (`O712345678`) make it a guess. Raises Unreadable.
    """
    typed = clean(text).strip(_QUOTES)
    if not _TYPED.fullmatch(typed):
        raise Unreadable("phone" if typed else "empty")
    digits = re.sub("[,/_]", " ", typed.casefold().translate(LOOKALIKES))
    certain = not any(map(str.isalpha, typed))
    return Read(_mobile(re.sub("^00+", "+", digits), country), certain)


def written(number: str, country: str) -> str:
    """An MSISDN as people of `country` write it: `0712 345678`, or with `+` if it belongs to another country."""
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return number
    is_local = phonenumbers.region_code_for_number(parsed) == country
    return phonenumbers.format_number(
        parsed, PhoneNumberFormat.NATIONAL if is_local else PhoneNumberFormat.INTERNATIONAL
    )


@lru_cache(maxsize=300)  # phonenumbers takes longer than most of a page
def example(country: str) -> str:
    """A mobile number as people of `country` (ISO 3166) write it; empty if no example is known."""
    number = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL) if number else ""


def _mobile(number: str, country: str) -> str:
    """The E.164 form. Raises Unreadable: `phone` if the number is not valid, `not_mobile` for a landline."""
    try:
        parsed = phonenumbers.parse(number, country)
    except NumberParseException:
        raise Unreadable("phone") from None
    if not phonenumbers.is_valid_number(parsed):
        raise Unreadable("phone")
    if phonenumbers.number_type(parsed) not in _MOBILE:
        raise Unreadable("not_mobile")
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
