"""The first argument of every domain function: a transaction, the time, who acts, and the terms of trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace_api import codes
from marketplace_api.actors import Actor
from marketplace_api.models import Kiosk, Order, Payout, Product
from marketplace_api.refused import Refused
from marketplace_api.statuses import CollectorMethod

Coded = TypeVar("Coded", Kiosk, Product, Order, Payout)

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ONE_TIME_DIGITS = 6
"""Of one-time codes: for cash at the kiosk, and to remove a PIN."""
SECRET_LENGTH = 26
CODE_LENGTHS = (4, 4, 4, 5, 5, 6, 7, 8, 9, 10)
"""The lengths of the codes that are tried, one after another, until a code is free."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long an order may stay as it is: see `orders.closing`."""

    bring: timedelta = timedelta(days=21)
    """After the day on which a part is due, until it is given up."""
    ship: timedelta = timedelta(days=30)
    """At the kiosk, until the order is voided."""
    ask: timedelta = timedelta(days=10)
    """After shipping, until the buyer is asked whether it came."""
    close: timedelta = timedelta(days=45)
    """After shipping, until an order is closed whose buyer does not answer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of trade: currency, commission, time zone, and the form of phone numbers in the shop's country."""

    parse_msisdn: Callable[[str], str]
    """The E.164 form of a mobile number as people of the shop's country write it; raises ValueError with the reason."""
    currency: str
    commission_percent: int
    zone: ZoneInfo
    photos_url: str
    """The URL under which photos are served, without a slash at the end."""
    payout_network: str
    """The mobile money that artisans are paid with, such as `M-PESA`."""
    can_be_paid: Callable[[str], bool]
    """True for the MSISDN of a number that can have a wallet of this network."""
    is_unsafe: Callable[[str], bool]
    """True for a text that may not be shown to other people: it has a link, a code to dial or our sender's name."""
    code_keys: tuple[bytes, ...]
    """The keys of codes for cash and of their hashes, the one for new codes first (`payments.cash_codes`)."""
    languages: Sequence[str] = ("en",)
    """The languages in which people are written to, by their codes."""
    deadlines: Deadlines = Deadlines()
    hold_above: int = 0
    """Payouts above this, in minor units, are held; 0 holds none."""
    hold_first: int = 0
    """How many first payouts of an artisan are held."""
    payout_day_cap: int | None = None
    """What an artisan is paid in one day at most, in minor units; None for no cap."""
    collectors: Mapping[CollectorMethod, str] = field(default_factory=dict)
    """By method of payment, the name of the collector that buyers pay."""
    paybill: str = ""
    """The number to which buyers can pay without being asked, with the order's code; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids, codes and secrets from one random source: `secrets.SystemRandom()` outside tests."""

    random: Random

    def new_id(self, prefix: str) -> str:
        """A new opaque id such as `prd_4k2…`."""
        return f"{prefix}_{self.token(20)}"

    def code(self, length: int = codes.SHORTEST) -> str:
        """A random code, which may be taken already."""
        return codes.draw(self.random, length)

    def one_time_code(self) -> str:
        """A random code of `ONE_TIME_DIGITS` digits, which may be taken already."""
        return f"{self.random.randrange(10**ONE_TIME_DIGITS):0{ONE_TIME_DIGITS}}"

    def secret(self) -> str:
        """A token of 134 bits: an unguessable part of an address."""
        return self.token(SECRET_LENGTH)

    def token(self, length: int) -> str:
        """`length` random characters, 5.17 bits each."""
        return "".join(self.random.choices(_ALPHABET, k=length))


@dataclass(frozen=True, slots=True)
class Shop:
    """The shop in one transaction, in which `by` acts. The code that created the session commits it."""

    session: Session
    now: datetime
    ids: Ids
    terms: Terms
    by: Actor

    @property
    def today(self) -> date:
        """The current day in the shop's time zone."""
        return self.now.astimezone(self.terms.zone).date()

    def acting(self, by: Actor) -> Self:
        """The same shop, in which `by` acts."""
        return replace(self, by=by)

    def midnight(self, day: date) -> datetime:
        """The time at which a day begins in the shop's time zone."""
        return datetime.combine(day, time(), self.terms.zone)


def check_text(shop: Shop, text: str) -> None:
    """`Refused` with `unsafe_text` if the text may not be shown to other people."""
    if shop.terms.is_unsafe(text):
        raise Refused("unsafe_text", 422)


OpenShop = Callable[[Session], Shop]
"""Makes the shop of a transaction, with the time, ids and terms of this process."""


def add_with_code(shop: Shop, make: Callable[[str], Coded]) -> Coded:
    """Add the row `make(code)` under a code that no other row of its table has.

    When a code is taken, longer ones are tried (`CODE_LENGTHS`), so codes become longer when few short ones are free.
    """
    for length in CODE_LENGTHS:
        row = make(shop.ids.code(length))
        if _is_taken(shop.session, row):
            continue
        # another transaction may take the code after the check; then only the savepoint is rolled back
        with suppress(IntegrityError), shop.session.begin_nested():
            shop.session.add(row)
            return row
    raise RuntimeError("no free code found: is the random source broken?")


def insert_new(session: Session, table: type[Any]) -> Any:
    """An INSERT that does nothing if the row has a value of a unique column that is taken; on both databases."""
    # imported here: a process needs only one of them, and each takes time to import
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table).on_conflict_do_nothing()


def _is_taken(session: Session, row: Coded) -> bool:
    return bool(session.scalar(select(exists().where(type(row).code == row.code))))
