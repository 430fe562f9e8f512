"""What an operator typed into a form: read from the request, or refused in words.

line("name", "name")             the text of the field `name`; `MistypedError` if it is empty or too long
choice("language", languages)    one of these values
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TypeVar

from flask import request

from flows.reading import numbers
from flows.reading.result import Unreadable
from marketplace_api.shop import Shop

Value = TypeVar("Value", bound=str)

LONGEST_LINE = 100
"""Characters of a name, a town or a title."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class MistypedError(Exception):
    """A field of a form cannot be used; the message is for the operator."""


def line(field: str, called: str, longest: int = LONGEST_LINE, shortest: int = 1) -> str:
    """The line in a field that the page calls `called`, without space around it."""
    value = request.form.get(field, "").strip()
    if not shortest <= len(value) <= longest or _CONTROL.search(value):
        raise MistypedError(f"Please type the {called}: one line of {shortest} to {longest} characters.")
    return value


def choice(field: str, values: Collection[Value]) -> Value:
    """One of these values."""
    given = request.form.get(field, "")
    chosen = next((value for value in values if value == given), None)
    if chosen is None:
        raise MistypedError("Please choose one of the values that the page offers.")
    return chosen


def phone(shop: Shop, field: str) -> str:
    """The MSISDN of a phone, which may be typed as people of the shop's country write it."""
    try:
        return shop.terms.parse_msisdn(request.form.get(field, ""))
    except ValueError:
        raise MistypedError("This is no number of a mobile phone.") from None


def price(shop: Shop, field: str) -> int:
    """An amount of the shop's currency in minor units, more than nothing, which can be read in one way only."""
    try:
        read = numbers.money(request.form.get(field, ""), shop.terms.currency)
    except Unreadable:
        read = None
    if read is None or not read.certain or read.value <= 0:
        raise MistypedError(f"Please type the price as a number of {shop.terms.currency}, such as 1500 or 1500.50.")
    return read.value
