"""People who have texted or called: their language, and their opt-outs and opt-ins with proof."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, Update, bindparam, func, literal, or_, select

from state.tables import consent, insert_new, person


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person, known by phone number. `language` is None until one was chosen.

    `keyword_language` is the language of the first keyword that the person used while none was chosen.
    After `opted_out_at` only replies may be sent; after `promotions_off_at` everything but promotions.
    """

    msisdn: str
    language: str | None
    first_seen_at: datetime
    opted_out_at: datetime | None
    opted_out_how: str | None
    has_pin: bool = False
    promotions_off_at: datetime | None = None
    keyword_language: str | None = None


_FIELDS = (
    person.c.msisdn,
    person.c.language,
    person.c.first_seen_at,
    person.c.opted_out_at,
    person.c.opted_out_how,
    person.c.pin_hash.is_not(None),
    person.c.promotions_off_at,
    person.c.keyword_language,
)


_FIND = select(*_FIELDS).where(person.c.msisdn == bindparam("phone", type_=person.c.msisdn.type))


def known(msisdn: BindParameter[str]) -> Select[str, str, bool]:
    """One row: the language that the person chose, that of a keyword, and whether there is a PIN; NULL if unknown."""
    nothing = select(literal(1).label("one")).subquery()
    has_pin = person.c.pin_hash.is_not(None).label("has_pin")
    return (
        select(person.c.language, person.c.keyword_language, has_pin)
        .select_from(nothing)
        .outerjoin(person, person.c.msisdn == msisdn)
    )


def find(conn: Connection, msisdn: str) -> PersonRecord | None:
    row = conn.execute(_FIND, {"phone": msisdn}).first()
    return PersonRecord(*row) if row else None


def find_all(conn: Connection, msisdns: Collection[str]) -> dict[str, PersonRecord]:
    """The records of these phones, by MSISDN; phones without a record are left out."""
    rows = conn.execute(select(*_FIELDS).where(person.c.msisdn.in_(msisdns)))
    return {found.msisdn: found for found in (PersonRecord(*row) for row in rows)}


@dataclass(frozen=True, slots=True)
class Refusals:
    """Of some phones, how many get only replies, and how many others get no promotions."""

    opted_out: int
    promotions_off: int


def count_refusals(conn: Connection, msisdns: Select[str]) -> Refusals:
    """Count the phones among these, which a statement selects, that refuse some of our messages."""
    is_out = person.c.opted_out_at.is_not(None)
    is_off = person.c.promotions_off_at.is_not(None) & person.c.opted_out_at.is_(None)
    counts = select(func.count().filter(is_out), func.count().filter(is_off)).where(person.c.msisdn.in_(msisdns))
    return Refusals(*conn.execute(counts).one())


def set_language(conn: Connection, msisdn: str, language: str, now: datetime) -> None:
    _ensure_exists(conn, msisdn, now)
    conn.execute(_of(msisdn).values(language=language, updated_at=now))


def set_keyword_language(conn: Connection, msisdn: str, language: str, now: datetime) -> None:
    """Store the language of a keyword, unless the person has one from before."""
    _ensure_exists(conn, msisdn, now)
    unknown = _of(msisdn).where(person.c.language.is_(None), person.c.keyword_language.is_(None))
    conn.execute(unknown.values(keyword_language=language, updated_at=now))


def opt_out(conn: Connection, msisdn: str, how: str, now: datetime) -> bool:
    """Store that only replies may be sent to this phone. True if that is new; `how` is then kept as proof."""
    _ensure_exists(conn, msisdn, now)
    not_opted_out = _of(msisdn).where(person.c.opted_out_at.is_(None))
    changed = not_opted_out.values(opted_out_at=now, opted_out_how=how, updated_at=now)
    return _with_proof(conn, changed, msisdn=msisdn, what="opt_out", how=how, at=now)


def switch_promotions_off(conn: Connection, msisdn: str, how: str, now: datetime) -> bool:
    """Store that no promotions may be sent to this phone. True if that is new; `how` is then kept as proof."""
    _ensure_exists(conn, msisdn, now)
    promotions_on = _of(msisdn).where(person.c.promotions_off_at.is_(None))
    changed = promotions_on.values(promotions_off_at=now, updated_at=now)
    return _with_proof(conn, changed, msisdn=msisdn, what="promotions_off", how=how, at=now)


def opt_in(conn: Connection, msisdn: str, how: str, now: datetime) -> bool:
    """Store that everything may be sent to this phone. True if that is new; `how` is then kept as proof."""
    restricted = _of(msisdn).where(or_(person.c.opted_out_at.is_not(None), person.c.promotions_off_at.is_not(None)))
    changed = restricted.values(opted_out_at=None, opted_out_how=None, promotions_off_at=None, updated_at=now)
    return _with_proof(conn, changed, msisdn=msisdn, what="opt_in", how=how, at=now)


def count_consents(conn: Connection) -> dict[str, int]:
    """How many opt-outs, opt-ins and refusals of promotions were stored, by kind."""
    changes = select(consent.c.what, func.count().label("times")).group_by(consent.c.what)
    return {row.what: row.times for row in conn.execute(changes.order_by(consent.c.what))}


def _with_proof(conn: Connection, change: Update, **proof: Any) -> bool:
    if conn.execute(change).rowcount == 0:
        return False
    conn.execute(consent.insert().values(**proof))
    return True


def _ensure_exists(conn: Connection, msisdn: str, now: datetime) -> None:
    insert_new(conn, person, msisdn=msisdn, first_seen_at=now, updated_at=now)


def _of(msisdn: str) -> Update:
    return person.update().where(person.c.msisdn == msisdn)
