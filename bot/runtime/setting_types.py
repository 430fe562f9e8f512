"""The types of settings: each checks a value of the environment, and names in words what it takes."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

import locales
from bot.runtime.keys import MOST_VALUES, values_of
from state.redis_addresses import AddressError, group_of

SHORTEST_KEY = 8
"""In characters, of `SECRET_KEY` in development."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _pairs(value: object) -> object:
    """`+254=africastalking,+1=twilio` as a mapping of prefix to provider."""
    if not isinstance(value, str):
        return value
    return dict(part.split("=", 1) if "=" in part else (part, "") for part in _split(value))  # type: ignore[attr-defined]


def _base_url(value: str | None) -> str | None:
    if value is None:
        return None
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
        raise ValueError("takes an http:// or https:// address")
    return value.rstrip("/")


def _redis_url(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        if group_of(value) is None and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("takes redis://host:port/number, redis+cluster://… or redis+sentinel://…")
        if group_of(value) is None and "," in urlsplit(value).netloc:
            raise ValueError("takes one server; several servers take redis+cluster://… or redis+sentinel://…/NAME")
    except AddressError as error:
        raise ValueError(str(error)) from None
    return value


def is_url(value: str) -> bool:
    """True for what SQLAlchemy can read as the address of a database."""
    try:
        make_url(value)
    except (ArgumentError, ValueError):  # ValueError for a port that is not a number
        return False
    return True


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("takes a time zone's name such as Africa/Nairobi") from error
    return value


def _hours(value: str) -> str:
    """`18:00-08:00`; the same time twice means that there are no quiet hours."""
    try:
        begins, ends = map(time.fromisoformat, value.split("-"))
    except ValueError as error:
        raise ValueError("takes two times such as 18:00-08:00") from error
    return f"{begins:%H:%M}-{ends:%H:%M}"


SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def _rate(value: str) -> str:
    if not re.fullmatch(f"[1-9][0-9]*/({'|'.join(SECONDS)})", value):
        raise ValueError("takes a number of requests and a time, such as 3000/minute")
    return value


def rate(value: str) -> tuple[int, int]:
    """How many in how many seconds.

    >>> rate("3000/minute")
    (3000, 60)
    """
    most, _, unit = value.partition("/")
    return int(most), SECONDS[unit]


def _currency(value: str) -> str:
    if value not in locales.currencies():
        raise ValueError("takes an ISO 4217 code of a currency in use, such as KES")
    return value


def _country(value: str) -> str:
    if value.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("takes an ISO 3166 country code such as KE")
    return value.upper()


def _one_or_two(value: str) -> str:
    """One value of a secret, or two with a comma between them while it is replaced."""
    if not 0 < len(values_of(value)) <= MOST_VALUES:
        raise ValueError("takes one value, or two with a comma between them while it is replaced")
    return value


def _not_short(value: str) -> str:
    if min(map(len, values_of(value))) < SHORTEST_KEY:
        raise ValueError(f"each value should have at least {SHORTEST_KEY} characters")
    return value


COMMA_LIST = BeforeValidator(_split)
"""`a, b` as a list."""
PAIRS = BeforeValidator(_pairs)
RedisUrl = Annotated[str | None, AfterValidator(_redis_url)]
BaseUrl = Annotated[str | None, AfterValidator(_base_url)]
Country = Annotated[str, AfterValidator(_country)]
Currency = Annotated[str, AfterValidator(_currency)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Hours = Annotated[str, AfterValidator(_hours)]
Rate = Annotated[str, AfterValidator(_rate)]
Days = Annotated[int, Field(ge=1, le=365)]
# at least a week: until then providers repeat requests, and texts may still wait
KeptDays = Annotated[int, Field(ge=7, le=36500)]
SecretKey = Annotated[str, AfterValidator(_one_or_two), AfterValidator(_not_short)]
WebhookSecret = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\s*,\s*[A-Za-z0-9_-]+)?$")]
"""An unguessable part of a path; or two, of which the first is in the addresses that we name and both are accepted."""
