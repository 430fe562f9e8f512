"""Telephone numbers that come in through the API."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberType

# the library skips any words before a number, so what may be written is decided here
_WRITTEN = re.compile(r"\+?[0-9 ().-]{4,30}")
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def parse(text: str, country: str) -> str:
    """The E.164 form of a mobile number, written with `+` or as people of `country` write it.

    Raises ValueError, worded for whoever typed it.
    """
    international = re.sub(r"^00", "+", text.strip())
    number = _parsed(international, country) if _WRITTEN.fullmatch(international) else None
    if number is None or phonenumbers.number_type(number) not in _MOBILE or number.extension:
        raise ValueError("is not a mobile number; write it like +254712345678")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
