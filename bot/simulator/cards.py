"""Simulated card payments: pages where a buyer pays, refunds and disputes. Amounts are as Stripe counts them.

The last four digits of an amount choose what becomes of it; the page can choose the first six as well, by name:

    …7702   declined    the card is declined
    …7703   early       paid; the event is posted before the buyer is led back
    …7704   silent      paid, and no event is posted: only a query tells
    …7708   twice       paid, and the event is posted twice
    …7710   late        paid, and the event is posted after ten minutes
    …7799   short       paid, one unit less than asked
    …7740               the page is made, and its request is answered 504; so is the first request for a refund

    …7760               the refund is pending, and made a minute later
    …7761               the refund is pending, and fails a minute later
    …7763               the refund is made, and the bank returns it a minute later: it has failed then
    …7765               the refund is refused: our balance is empty

Any other payment is made, and its event is posted a second later; any other refund is made at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, func, select

from bot.providers import forms
from bot.simulator.tables import simulated_refund, simulated_session
from state.tables import insert_new

BANK_TAKES = timedelta(minutes=1)
"""How long a payment by *Later*, a refund that is pending and the return of a refund take."""


@dataclass(frozen=True, slots=True)
class CardScript:
    """How a payment ends: `short_by` is missing, and its event is posted after each of `events_after_s` seconds.

    With `event_first` also before the buyer is led back.
    """

    declines: bool = False
    short_by: int = 0
    event_first: bool = False
    events_after_s: tuple[float, ...] = (1.0,)


SCRIPTS: Mapping[str, tuple[str, CardScript]] = {
    "7702": ("declined", CardScript(declines=True)),
    "7703": ("early", CardScript(event_first=True, events_after_s=())),
    "7704": ("silent", CardScript(events_after_s=())),
    "7708": ("twice", CardScript(events_after_s=(1.0, 2.0))),
    "7710": ("late", CardScript(events_after_s=(600.0,))),
    "7799": ("short", CardScript(short_by=1)),
}
ACKNOWLEDGEMENT_LOST = "7740"
REFUND_PENDING, REFUND_FAILS, REFUND_RETURNED, REFUND_REFUSED = "7760", "7761", "7763", "7765"


def ending(amount: int) -> str:
    """The last four digits of an amount."""
    return f"{amount:04}"[-4:]


def script_for(amount: int, name: str = "") -> CardScript:
    """The row of the table above with this name, or else for this amount."""
    named = (script for known, script in SCRIPTS.values() if known == name)
    return next(named, SCRIPTS.get(ending(amount), ("", CardScript()))[1])


@dataclass(frozen=True, slots=True)
class CardSession:
    """One page where a buyer pays `amount`. `paid` was paid at `paid_at`, which is later than now after *Later*."""

    id: str
    intent: str
    charge: str
    about: str
    currency: str
    amount: int
    success_url: str
    cancel_url: str
    created_at: datetime
    expires_at: datetime
    status: str = "open"
    declined: bool = False
    paid: int = 0
    paid_at: datetime | None = None
    dispute: str | None = None

    def status_at(self, now: datetime) -> str:
        return "expired" if self.status == "open" and now >= self.expires_at else self.status

    def is_paid(self, now: datetime) -> bool:
        return self.paid_at is not None and self.paid_at <= now

    @property
    def fee(self) -> int:
        """What the provider keeps: 2.9 %, and 30 units."""
        return self.paid * 29 // 1000 + 30


@dataclass(frozen=True, slots=True)
class CardRefund:
    """A refund of the payment `intent`, with our id of it; it has the status `first` until `settled_at`."""

    id: str
    intent: str
    amount: int
    refund: str
    first: str
    outcome: str
    created_at: datetime
    settled_at: datetime

    def status_at(self, now: datetime) -> str:
        return self.outcome if now >= self.settled_at else self.first


def add_session(conn: Connection, session: CardSession) -> None:
    insert_new(conn, simulated_session, **_values(session))


def change_session(conn: Connection, session_id: str, **values: object) -> None:
    conn.execute(simulated_session.update().where(simulated_session.c.id == session_id).values(values))


def find_session(conn: Connection, id: str, get_lock: bool = False) -> CardSession | None:
    """The session with this id, or of the payment intent with this id; None if there is none."""
    known = forms.clean(id)  # of a path, in which anything may stand
    found = (simulated_session.c.id == known) | (simulated_session.c.intent == known)
    query = select(*_columns(CardSession)).where(found)
    row = conn.execute(query.with_for_update() if get_lock else query).one_or_none()
    return CardSession(*row) if row else None


def all_sessions(conn: Connection) -> list[CardSession]:
    """The last one first."""
    query = select(*_columns(CardSession)).order_by(simulated_session.c.created_at.desc(), simulated_session.c.id)
    return [CardSession(*row) for row in conn.execute(query)]


def add_refund(conn: Connection, refund: CardRefund) -> None:
    insert_new(conn, simulated_refund, **_values(refund))


def find_refunds(conn: Connection, intent: str) -> list[CardRefund]:
    """The refunds of a payment, the last one first."""
    query = select(*_columns(CardRefund)).where(simulated_refund.c.intent == intent)
    return [CardRefund(*row) for row in conn.execute(query.order_by(simulated_refund.c.seq.desc()))]


def balance(conn: Connection) -> int:
    """The sum of all payments without the refunds that did not fail, before fees; our books must agree with it."""
    paid = select(func.coalesce(func.sum(simulated_session.c.paid), 0))
    given_back = select(func.coalesce(func.sum(simulated_refund.c.amount), 0)).where(
        simulated_refund.c.outcome != "failed"
    )
    return int(conn.execute(paid).scalar_one()) - int(conn.execute(given_back).scalar_one())


def _values(stored: CardSession | CardRefund) -> dict[str, object]:
    return {field.name: getattr(stored, field.name) for field in fields(stored)}


def _columns(stored: type[CardSession | CardRefund]) -> list[Column[Any]]:
    table = simulated_session if stored is CardSession else simulated_refund
    return [table.c[field.name] for field in fields(stored)]
