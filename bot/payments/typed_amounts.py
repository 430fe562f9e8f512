"""Reads amounts and other numbers that an operator types, at the command line or in the console."""

from __future__ import annotations

import re
from decimal import Decimal

from babel.numbers import get_currency_precision

from marketplace_api.payments import ledger

_NUMBER = re.compile(r"[0-9]{1,13}(?:\.([0-9]{1,10}))?")


class NotANumberError(Exception):
    """What was typed is not such a number; the message is for the person who typed it."""


def amount(typed: str, currency: str) -> int:
    """An amount in whole money of the currency, such as `1500` or `1500.50`, in minor units.

    Raises NotANumberError for anything else, and for cents of a currency without them.
    """
    digits = get_currency_precision(currency)
    units = number(typed, digits, f"amount of {currency}, such as 1500").scaleb(digits)
    if units > ledger.MAX_AMOUNT:
        raise NotANumberError(f"{typed} is too much")
    return int(units)


def number(typed: str, decimals: int, kind: str = "number from 0 on") -> Decimal:
    """A number that is not negative and has at most so many decimals; raises NotANumberError."""
    found = _NUMBER.fullmatch(typed)
    if found is None or len(found[1] or "") > decimals:
        raise NotANumberError(f"{typed!r} is no {kind}: {_decimals(decimals)}")
    return Decimal(typed)


def _decimals(digits: int) -> str:
    return f"digits, and at most {digits} after a point" if digits else "only digits"
