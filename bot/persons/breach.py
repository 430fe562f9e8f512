"""Who was concerned when somebody got at data who should not have: one entry for each person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, null, or_, select
from sqlalchemy.orm import Session

from bot.persons.pseudonyms import PREFIX
from marketplace_api.models import Artisan, Assignment, HelpRequest, Kiosk, Order, Payout
from state.tables import message, performed, person


@dataclass(frozen=True, slots=True)
class ConcernedPerson:
    """A person, and the kinds of data that were stored; erased people are not listed."""

    phone: str
    names: list[str]
    language: str | None
    data: list[str]


def concerned(session: Session, since: datetime | None, until: datetime) -> list[ConcernedPerson]:
    """The people who did something from `since` to `until`; without `since`, all who were stored at `until`."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    names: defaultdict[str, set[str]] = defaultdict(set)
    for query in _queries(since, until):
        for phone, kind, name in session.execute(query.distinct()):
            if not phone.startswith(PREFIX):
                kinds[phone].add(kind)
                names[phone] |= {name} if name else set()
    languages = {row.msisdn: row.language for row in session.execute(select(person.c.msisdn, person.c.language))}
    return [
        ConcernedPerson(phone, sorted(names[phone]), languages.get(phone), sorted(kinds[phone]))
        for phone in sorted(kinds)
    ]


def _queries(since: datetime | None, until: datetime) -> Iterator[Select[Any]]:
    """Each gives number, kind of data, and name."""

    def within(*moments: Any) -> ColumnElement[bool]:
        """True if one of these times is in the span."""
        return or_(*[moment.between(since, until) if since else moment <= until for moment in moments])

    yield _people(message.c.msisdn, "texts").where(within(message.c.created_at))
    yield _people(performed.c.msisdn, "calls").where(within(performed.c.at))
    yield _people(HelpRequest.msisdn, "help requests").where(within(HelpRequest.created_at))
    yield _people(Order.buyer_msisdn, "orders and addresses", Order.buyer_name).where(within(Order.created_at))
    yield _people(Artisan.msisdn, "registration", Artisan.name).where(within(Artisan.created_at))
    parts = _people(Artisan.msisdn, "orders to make", Artisan.name).join(Assignment).join(Order)
    yield parts.where(within(Order.created_at, Assignment.received_at))
    paid = _people(Artisan.msisdn, "payouts", Artisan.name).join(Payout, Payout.artisan_id == Artisan.id)
    yield paid.where(within(Payout.created_at, Payout.paid_at))
    # agents are at work on every day
    yield _people(Kiosk.agent_msisdn, "work at a kiosk", Kiosk.agent_name).where(Kiosk.created_at <= until)


def _people(msisdn: Any, kind: str, name: Any = None) -> Select[Any]:
    return select(msisdn, literal(kind), null() if name is None else name)
