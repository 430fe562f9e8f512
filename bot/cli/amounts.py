"""Reads amounts, numbers and countries of command lines; for a bad one the command says why and exits with 2."""

from __future__ import annotations

from decimal import Decimal

import click

from bot.payments import typed_amounts
from bot.payments.typed_amounts import NotANumberError
from marketplace_api.countries import COUNTRIES
from marketplace_api.payments.charges import EVERYWHERE


def amount(typed: str, currency: str, name: str = "AMOUNT") -> int:
    """An amount in whole money of the currency, such as `1500` or `1500.50`, in minor units.

    Raises click.BadParameter, which names the argument, for anything else, and for cents of a currency without them.
    """
    try:
        return typed_amounts.amount(typed, currency)
    except NotANumberError as error:
        raise click.BadParameter(str(error), param_hint=name) from None


def number(typed: str, decimals: int, name: str) -> Decimal:
    """A number that is not negative and has at most so many decimals; raises click.BadParameter."""
    try:
        return typed_amounts.number(typed, decimals)
    except NotANumberError as error:
        raise click.BadParameter(str(error), param_hint=name) from None


def country(typed: str) -> str:
    """A country code of ISO 3166, or `EVERYWHERE`; raises click.BadParameter."""
    if typed != EVERYWHERE and typed not in COUNTRIES:
        raise click.BadParameter(
            f"{typed!r} is no country code of ISO 3166, such as GB, and not {EVERYWHERE} for all others",
            param_hint="COUNTRY",
        )
    return typed
