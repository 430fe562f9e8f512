"""Delivery reports: applied to the message they are about, or kept until that message is known.

A report names the provider's id of a message. It can arrive before the provider's answer to the send, which tells us
that id, or for a message whose answer we never got. Reports of which no message is known are called strays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, Connection, Text, and_, cast, func, or_, select

from state.messages import Message, ReportedStatus, advance, has_provider_id, read, select_messages
from state.tables import IS_UNKNOWN, IS_UNMARKED, UNCONFIRMED, early_report, insert_new, message

_STAMP: dict[ReportedStatus, str] = {"sent": "sent_at", "delivered": "delivered_at"}


@dataclass(frozen=True, slots=True)
class EarlyReport:
    """A stray that is applied now, because its message is known. `reason` is the cause of a failure."""

    provider: str
    provider_id: str
    reason: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class UnknownCounts:
    """How many messages are `unknown`, and how many of them are marked as unconfirmed."""

    all: int
    unconfirmed: int


def apply(
    conn: Connection,
    provider: str,
    provider_id: str,
    status: ReportedStatus,
    now: datetime,
    error: str | None = None,
    msisdn: str | None = None,
    raw_status: str | None = None,
    reason: str | None = None,
) -> bool:
    """Apply a provider's report to its message. False for a stray: no message has that id yet.

    A stray is taken to be about the oldest `unknown` message to that phone. If there is none, or another message to
    the phone is being sent at this moment, the report is kept: it may have overtaken the answer to that send.
    """
    lock(conn, [(provider, provider_id)])
    reported = has_provider_id(provider, provider_id)
    if msisdn and not _exists(conn, reported):
        lock(conn, [(provider, msisdn)])  # an earlier report may be giving this id to an unknown message right now
    if not _exists(conn, reported):
        unknown = _oldest_unknown(conn, provider, msisdn) if msisdn else None
        if unknown is None:
            stray = {"provider": provider, "provider_id": provider_id, "msisdn": msisdn}
            said = {"status": status, "error": error, "raw_status": raw_status, "reason": reason}
            insert_new(conn, early_report, **stray, **said, at=now)
            return False
        _set_provider_id(conn, unknown, provider, provider_id)
    _advance(conn, reported, status, now, error)
    return True


def record_raw_status(
    conn: Connection, provider: str, provider_id: str, raw_status: str, status: ReportedStatus | None = None
) -> None:
    """Store the status of a message as the provider writes it.

    `status` is its meaning, if we know it: a report that is older than the message's status is not stored.
    """
    reported = message.update().where(has_provider_id(provider, provider_id))
    if status:
        reported = reported.where(message.c.status == status)
    conn.execute(reported.values(reported=raw_status))


def reported_message(conn: Connection, provider: str, provider_id: str) -> Message | None:
    """The message that a report is about; None if no message has that id."""
    row = conn.execute(select_messages().where(has_provider_id(provider, provider_id))).first()
    return read(row) if row else None


def confirm(conn: Connection, unanswered: Message, provider: str) -> list[EarlyReport]:
    """Apply strays to a message whose provider's answer we never got, and return them.

    No stray is applied while another message to that phone is being sent, or an earlier one is `unknown`: the stray may
    be about that message.
    """
    lock(conn, [(provider, unanswered.msisdn)])
    c, m = early_report.c, message.c
    earlier = and_(m.status == "unknown", m.provider_id.is_(None), m.asked_at < unanswered.asked_at)
    others = m.msisdn == unanswered.msisdn, m.id != unanswered.id, or_(m.status == "sending", earlier)
    since = unanswered.asked_at or unanswered.created_at
    strays = c.provider == provider, c.msisdn == unanswered.msisdn, c.at >= since
    first = select(c.provider_id).where(*strays, ~select(m.id).where(*others).exists()).order_by(c.at).limit(1)
    provider_id = conn.execute(first).scalar()
    if provider_id is None:
        return []
    _set_provider_id(conn, unanswered.id, provider, provider_id)
    return apply_early(conn, [(provider, provider_id)])


def apply_early(conn: Connection, named: Collection[tuple[str, str]]) -> list[EarlyReport]:
    """Apply the strays for messages that now have these (provider, provider id) pairs; delete and return them."""
    if not named:
        return []
    c = early_report.c
    strays = or_(*[(c.provider == provider) & c.provider_id.in_(ids) for provider, ids in by_provider(named).items()])
    if conn.execute(select(c.at).where(strays).limit(1)).first() is None:
        return []
    found = conn.execute(early_report.delete().where(strays).returning(early_report)).all()
    for early in found:
        _advance(conn, has_provider_id(early.provider, early.provider_id), early.status, early.at, early.error)
        if early.raw_status:
            record_raw_status(conn, early.provider, early.provider_id, early.raw_status, early.status)
    return [EarlyReport(early.provider, early.provider_id, early.reason, early.error) for early in found]


def count_unknown(conn: Connection) -> UnknownCounts:
    """How many messages are `unknown`."""
    marked = func.count().filter(message.c.error == UNCONFIRMED)
    return UnknownCounts(*conn.execute(select(func.count(), marked).select_from(message).where(IS_UNKNOWN)).one())


def confirm_unknown(conn: Connection) -> list[EarlyReport]:
    """Look once more for strays about `unknown` messages; apply and return them."""
    c = message.c
    has_stray = c.msisdn.in_(select(early_report.c.msisdn))
    unanswered = select_messages().where(IS_UNKNOWN, c.provider_id.is_(None), has_stray).order_by(c.asked_at)
    unknown = [read(row) for row in conn.execute(unanswered)]
    return [early for each in unknown if each.provider for early in confirm(conn, each, each.provider)]


def mark_unconfirmed(conn: Connection, asked_before: datetime) -> list[str]:
    """Mark `unknown` messages that were sent before `asked_before`; returns the ids of those not marked before."""
    c = message.c
    is_overdue = func.coalesce(c.asked_at, c.created_at) < asked_before
    marked = message.update().where(IS_UNMARKED, c.provider_id.is_(None), is_overdue)
    return list(conn.scalars(marked.values(error=UNCONFIRMED).returning(c.id)))


def sweep(conn: Connection, older_than: datetime) -> int:
    """Delete strays that arrived before `older_than`; returns how many."""
    return conn.execute(early_report.delete().where(early_report.c.at < older_than)).rowcount


def by_provider(named: Collection[tuple[str, str]]) -> dict[str, list[str]]:
    """Provider ids grouped by provider."""
    return {provider: [id for by, id in named if by == provider] for provider, _ in named}


def lock(conn: Connection, named: Iterable[tuple[str, str]]) -> None:
    """Hold these (provider, id or MSISDN) pairs until the transaction ends.

    Needed on PostgreSQL only: two open transactions there do not see each other's rows. Locks are taken in sorted
    order, so that no two transactions wait for each other.
    """
    if conn.dialect.name == "postgresql":
        names = sorted(f"{provider} {id}" for provider, id in named)
        number = func.hashtextextended(func.unnest(cast(names, ARRAY(Text))), 0)
        conn.execute(select(func.pg_advisory_xact_lock(number)))


def _exists(conn: Connection, which: ColumnElement[bool]) -> bool:
    return conn.execute(select(message.c.id).where(which)).first() is not None


def _advance(
    conn: Connection, which: ColumnElement[bool], status: ReportedStatus, at: datetime, error: str | None
) -> None:
    stamp = {_STAMP[status]: at} if status in _STAMP else {}
    advance(conn, which, status, error=error, **stamp)


def _oldest_unknown(conn: Connection, provider: str, msisdn: str) -> str | None:
    """The id of the message that a stray is about; None if a message to that phone is being sent at this moment."""
    c = message.c
    open_ones = c.msisdn == msisdn, c.status.in_(("sending", "unknown")), c.provider_id.is_(None)
    found = conn.execute(select(c.id, c.status, c.provider).where(*open_ones).order_by(c.asked_at)).all()
    if any(each.status == "sending" for each in found):
        return None
    return next((each.id for each in found if each.provider == provider), None)


def _set_provider_id(conn: Connection, id: str, provider: str, provider_id: str) -> None:
    conn.execute(message.update().where(message.c.id == id).values(provider=provider, provider_id=provider_id))
