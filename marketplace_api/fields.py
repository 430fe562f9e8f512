"""The types of the values in requests, each with its bounds.

The OpenAPI document describes exactly the accepted values. Some types depend on the shop's terms of trade, so a body is
read inside `terms_apply`:

    with terms_apply(shop.terms):
        body = ProductOrderIn.model_validate(document)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
)

from marketplace_api.countries import COUNTRIES
from marketplace_api.refused import Refused
from marketplace_api.shop import Terms

Root = TypeVar("Root")

_terms: ContextVar[Terms] = ContextVar("terms")

# no control characters, and at least one visible character
_PRINTABLE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"


@contextmanager
def terms_apply(terms: Terms) -> Iterator[None]:
    """Inside the block, values are validated by these terms in this thread."""
    token = _terms.set(terms)
    try:
        yield
    finally:
        _terms.reset(token)


def whole(value: object) -> object:
    """Refuse `true` and `"5"`. 5.0 is a whole number, because JSON has one type of number."""
    if isinstance(value, bool | str):
        raise ValueError("must be a whole number")
    return value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must not be zero")
    return value


def _only_digits(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return value


def _day(value: object) -> object:
    """Accept only the form of RFC 3339 for a day; pydantic alone would also accept numbers and times."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("must be a day, such as 2027-03-31")
    return value


def _moment(value: object) -> object:
    """Accept only the form of RFC 3339 for a time; pydantic alone would also accept seconds since 1970."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value):
        raise ValueError("must be a time, such as 2027-03-31T09:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    """The time in UTC; raises ValueError if that is outside the range of Python's times."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time, such as 2027-03-31T09:00:00Z") from None


def _msisdn(value: str) -> str:
    return _terms.get().parse_msisdn(value)


def _country(value: str) -> str:
    if value not in COUNTRIES:
        raise ValueError("is no country code of ISO 3166, such as GB")
    return value


def _safe(value: str) -> str:
    """Refuse a text that would lure people away if we sent it to them."""
    if _terms.get().is_unsafe(value):
        raise ValueError("must have no web address, no code to dial and not the name of this service")
    return value


Line = Annotated[str, StringConstraints(max_length=100, pattern=_PRINTABLE), AfterValidator(str.strip)]
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")]
# other people read the next three in texts from us
Name = Annotated[Line, AfterValidator(_safe)]
Note = Annotated[Text, AfterValidator(_safe)]
Title = Annotated[
    str,
    StringConstraints(min_length=3, max_length=40, pattern=_PRINTABLE),
    AfterValidator(str.strip),
    AfterValidator(_safe),
]
Day = Annotated[date, BeforeValidator(_day), Field(json_schema_extra={"examples": ["2027-03-31"]})]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_in_utc)]
Country = Annotated[str, Field(json_schema_extra={"enum": sorted(COUNTRIES)}), AfterValidator(_country)]
WebUrl = Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[^\s\x00-\x1f\x7f\\]+$")]
Id = Annotated[str, StringConstraints(max_length=44, pattern=r"^[a-z]{3}_[0-9a-z]+$")]
# the bounds come before the validator, because otherwise the OpenAPI document does not show them
Quantity = Annotated[int, Field(ge=1, le=1000), BeforeValidator(whole)]
# above the price of anything handmade, and far below the limits of the database columns
Amount = Annotated[int, Field(ge=1, le=100_000_000_00), BeforeValidator(whole)]
MovedAmount = Annotated[
    int,
    Field(ge=-100_000_000_00, le=100_000_000_00, json_schema_extra={"not": {"const": 0}}),
    BeforeValidator(whole),
    AfterValidator(_not_zero),
]
Limit = Annotated[int, Field(ge=1, le=100), BeforeValidator(_only_digits)]
Msisdn = Annotated[
    str,
    Field(max_length=30, json_schema_extra={"format": "phone", "examples": ["+254712345678"]}),
    AfterValidator(_msisdn),
]


class LateModel(BaseModel):
    """A model whose validator is built when it is first used, once for all threads.

    There are a hundred; to build all of them would be a tenth of the start of each process.
    """

    model_config = ConfigDict(defer_build=True)


class LateRoot(RootModel[Root]):
    """As `LateModel`, for a value that is no object of its own."""

    model_config = ConfigDict(defer_build=True)


class Body(LateModel):
    """A JSON object in the body of a request; a member with another name is an error, because it may be misspelt."""

    model_config = ConfigDict(extra="forbid")


class Price(Body):
    """The price of one piece, or an amount that was paid, in minor units of the shop's currency."""

    amount: Amount
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

    def minor_units(self) -> int:
        """The amount, or `Refused` with `other_currency`."""
        currency = _terms.get().currency
        if self.currency != currency:
            raise Refused("other_currency", currency=currency)
        return self.amount


class ExpectedTotal(Price):
    """What an order is expected to cost, in minor units of the shop's currency."""

    amount: Annotated[int, Field(ge=0, le=2**53), BeforeValidator(whole)]


class CashMove(Price):
    """Cash handed over, or taken back if negative, in minor units of the shop's currency."""

    amount: MovedAmount
