"""Deletes what is too old to keep: the words of texts, conversations, addresses of orders, people in old events.

Each function does some of the work in the transaction that it is given, and returns how many rows it has looked at; 0
means that nothing is left to do. `in_steps` calls it until then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.persons.scrubbing import without_address
from bot.runtime.clock import Clock
from marketplace_api.lifecycles import ORDER
from marketplace_api.models import Event, HelpRequest, Order, TimelineEntry
from state import cursor, lookups, processed
from state.tables import fence, message, performed

AT_ONCE = 500
"""The largest number of rows that one transaction changes. On SQLite, no other transaction can write until it ends."""
TEXTS, EVENTS = "retention of texts", "retention of events"
"""The stored names of the positions up to which the words and the people were deleted."""

Step = Callable[[Session, datetime], int]


def in_steps(database: Database, clock: Clock, kept: timedelta, *steps: Step) -> None:
    """Let each step delete everything that is older than `kept`; each call has its own transaction."""
    for step in steps:
        while True:
            with database.writing.begin() as session:
                if not step(session, clock() - kept):
                    break


def forget_texts(session: Session, before: datetime) -> int:
    """Delete the words of old texts; who texted when, the length and the cost stay."""
    conn, c = session.connection(), message.c
    after = cursor.read_for_update(conn, TEXTS)
    page = select(c.seq, c.created_at).where(c.seq > after).order_by(c.seq).limit(AT_ONCE)
    old = [row.seq for row in takewhile(lambda row: row.created_at < before, conn.execute(page))]
    if old:
        conn.execute(message.update().where(c.seq.between(old[0], old[-1])).values(text=""))
        cursor.move(conn, TEXTS, old[-1])
    return len(old)


def forget_reports(session: Session, before: datetime) -> int:
    """Delete what buyers wrote about old problems that are closed; of which order and of what kind stays."""
    request = HelpRequest
    old = select(request.id).where(request.words.is_not(None), request.closed_at < before).limit(AT_ONCE)
    emptied = update(request).where(request.id.in_(old)).values(words=None)
    return session.execute(emptied).rowcount  # type: ignore[attr-defined,no-any-return]


def forget_people_in_events(session: Session, before: datetime) -> int:
    """Delete names, phones and addresses from the copies in old events."""
    conn = session.connection()
    after = cursor.read_for_update(conn, EVENTS)
    page = select(Event.seq, Event.created_at, Event.data).where(Event.seq > after).order_by(Event.seq).limit(AT_ONCE)
    old = list(takewhile(lambda row: row.created_at < before, conn.execute(page)))
    for seq, _, data in old:
        if (anonymous := without_people(data)) != data:
            conn.execute(update(Event).where(Event.seq == seq).values(data=anonymous))
    if old:
        cursor.move(conn, EVENTS, old[-1].seq)
    return len(old)


def forget_addresses(session: Session, before: datetime, now: Clock) -> int:
    """Delete address and note of orders that ended before this time; town, region and country stay."""
    later = exists().where(TimelineEntry.order_id == Order.id, TimelineEntry.at >= before)
    old = select(Order).where(
        Order.address_erased_at.is_(None), Order.created_at < before, Order.status.in_(ORDER.final)
    )
    orders = session.scalars(old.where(~later).order_by(Order.created_at).limit(AT_ONCE)).all()
    for order in orders:
        order.ship_to, order.note, order.address_erased_at = without_address(order.ship_to), None, now()
    return len(orders)


def forget_conversations(session: Session, before: datetime) -> int:
    """Delete what calls and texts have done, and then the conversations of those who have done nothing since."""
    conn = session.connection()
    if swept := processed.sweep(conn, before, AT_ONCE):
        return swept
    idle = fence.c.msisdn.not_in(select(performed.c.msisdn))
    some = select(fence.c.msisdn).where(fence.c.document != b"", idle).limit(AT_ONCE)
    return conn.execute(fence.update().where(fence.c.msisdn.in_(some)).values(document=b"", kept_by="")).rowcount


def forget_lookups(session: Session, before: datetime) -> int:
    """Delete who looked at the data of phones."""
    return lookups.sweep(session.connection(), before, AT_ONCE)


def addresses(now: Clock) -> Step:
    """`forget_addresses`, which stores when it was done."""
    return partial(forget_addresses, now=now)


WORDS: tuple[Step, ...] = (forget_texts, forget_reports)
"""What `KEEP_TEXTS_DAYS` is for."""
SNAPSHOTS: tuple[Step, ...] = (forget_people_in_events, forget_lookups)
"""What `KEEP_SNAPSHOTS_DAYS` is for."""


def without_people(data: Any, of: str = "") -> Any:
    """The copy in an event without names, phones and addresses; `of` is the field that it stands in.

    >>> without_people({"id": "ord_1", "buyer": {"name": "Ann", "phone": "+447400123456"}, "note": "for Ann"})
    {'id': 'ord_1', 'buyer': {'name': '', 'phone': ''}, 'note': None}
    """
    if isinstance(data, list):
        return [without_people(inner, of) for inner in data]
    if not isinstance(data, dict):
        return "" if of == "phone" and data is not None else None if of in ("note", "words") else data
    kept = {key: without_people(inner, key) for key, inner in data.items() if key != "ship_to"}
    if isinstance(data.get("ship_to"), dict):
        kept["ship_to"] = without_address(data["ship_to"])
    if "name" in data and (of in ("buyer", "agent") or str(data.get("id")).startswith("art_")):
        kept["name"] = ""
    return {key: kept[key] for key in data}
