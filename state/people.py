"""Who has written or dialled: the language they read and whether they want to hear from us, with proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Update, select

from state.tables import consent, insert_new, person


@dataclass(frozen=True, slots=True)
class Person:
    """A phone that was in touch with us. `language` is None until one was chosen."""

    msisdn: str
    language: str | None
    first_seen_at: datetime
    opted_out_at: datetime | None
    opted_out_how: str | None
    has_pin: bool = False


_FIELDS = (
    person.c.msisdn,
    person.c.language,
    person.c.first_seen_at,
    person.c.opted_out_at,
    person.c.opted_out_how,
    person.c.pin_hash.is_not(None),
)


def find(conn: Connection, msisdn: str) -> Person | None:
    row = conn.execute(select(*_FIELDS).where(person.c.msisdn == msisdn)).first()
    return Person(*row) if row else None


def set_language(conn: Connection, msisdn: str, language: str, now: datetime) -> None:
    _meet(conn, msisdn, now)
    conn.execute(_of(msisdn).values(language=language, updated_at=now))


def opt_out(conn: Connection, msisdn: str, how: str, now: datetime) -> bool:
    """Nothing more goes to this phone unasked. True, with a proof kept, if that was not so before."""
    _meet(conn, msisdn, now)
    wanted_texts = _of(msisdn).where(person.c.opted_out_at.is_(None))
    changed = wanted_texts.values(opted_out_at=now, opted_out_how=how, updated_at=now)
    return _with_proof(conn, changed, msisdn=msisdn, what="opt_out", how=how, at=now)


def opt_in(conn: Connection, msisdn: str, how: str, now: datetime) -> bool:
    """This phone wants to hear from us again. True, with a proof kept, if it had opted out."""
    wanted_none = _of(msisdn).where(person.c.opted_out_at.is_not(None))
    changed = wanted_none.values(opted_out_at=None, opted_out_how=None, updated_at=now)
    return _with_proof(conn, changed, msisdn=msisdn, what="opt_in", how=how, at=now)


def _with_proof(conn: Connection, change: Update, **proof: Any) -> bool:
    if conn.execute(change).rowcount == 0:
        return False
    conn.execute(consent.insert().values(**proof))
    return True


def _meet(conn: Connection, msisdn: str, now: datetime) -> None:
    insert_new(conn, person, msisdn=msisdn, first_seen_at=now, updated_at=now)


def _of(msisdn: str) -> Update:
    return person.update().where(person.c.msisdn == msisdn)
