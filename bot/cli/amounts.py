"""Reads amounts, numbers and countries of command lines; for a bad one the command says why and exits with 2."""

from __future__ import annotations

import re
from decimal import Decimal

import click
from babel.numbers import get_currency_precision

from marketplace_api.countries import COUNTRIES
from marketplace_api.payments import ledger
from marketplace_api.payments.charges import EVERYWHERE

_NUMBER = re.compile(r"[0-9]{1,13}(?:\.([0-9]{1,10}))?")


def amount(typed: str, currency: str, name: str = "AMOUNT") -> int:
    """An amount in whole money of the currency, such as `1500` or `1500.50`, in minor units.

    Raises click.BadParameter, which names the argument, for anything else, and for cents of a currency without them.
    """
    digits = get_currency_precision(currency)
    units = number(typed, digits, name, f"amount of {currency}, such as 1500").scaleb(digits)
    if units > ledger.MAX_AMOUNT:
        raise click.BadParameter(f"{typed} is too much", param_hint=name)
    return int(units)


def number(typed: str, decimals: int, name: str, kind: str = "number from 0 on") -> Decimal:
    """A number that is not negative and has at most so many decimals; raises click.BadParameter."""
    found = _NUMBER.fullmatch(typed)
    if found is None or len(found[1] or "") > decimals:
        raise click.BadParameter(f"{typed!r} is no {kind}: {_decimals(decimals)}", param_hint=name)
    return Decimal(typed)


def country(typed: str) -> str:
    """A country code of ISO 3166, or `EVERYWHERE`; raises click.BadParameter."""
    if typed != EVERYWHERE and typed not in COUNTRIES:
        raise click.BadParameter(
            f"{typed!r} is no country code of ISO 3166, such as GB, and not {EVERYWHERE} for all others",
            param_hint="COUNTRY",
        )
    return typed


def _decimals(digits: int) -> str:
    return f"digits, and at most {digits} after a point" if digits else "only digits"
