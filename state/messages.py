"""Every text, in or out, and where it stands.

    queued ─> sending ─> unknown ─> sent ─> delivered │ failed │ suppressed
      ↑__________│ postponed

A status only moves to the right, so reports may come twice, late and in any order; the last three are final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from state.tables import early_report, insert_new, message

Direction = Literal["in", "out"]
Status = Literal["queued", "sending", "sent", "delivered", "failed", "unknown", "suppressed"]

_RANK: dict[Status, int] = {
    "queued": 0,
    "sending": 1,
    "unknown": 2,  # it may have left; its report will tell
    "sent": 3,
    "delivered": 4,
    "failed": 4,
    "suppressed": 4,
}
_BEHIND = {status: [other for other in _RANK if _RANK[other] < _RANK[status]] for status in _RANK}
_STAMP: dict[Status, str] = {"sent": "sent_at", "delivered": "delivered_at"}


@dataclass(frozen=True, slots=True)
class Message:
    """A text. `cost` is the provider's own words, `KES 0.8000`; `topic` and `about` say why it was sent."""

    id: str
    direction: Direction
    msisdn: str
    channel: str
    text: str
    status: Status
    encoding: str
    segments: int
    cost: str | None
    provider: str | None
    provider_id: str | None
    error: str | None
    language: str | None
    topic: str | None
    about: str | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None


_FIELDS = [message.c[field.name] for field in fields(Message)]


def receive(
    conn: Connection,
    *,
    id: str,
    msisdn: str,
    channel: str,
    text: str,
    encoding: str,
    segments: int,
    provider: str,
    provider_id: str,
    now: datetime,
    sent_at: datetime | None = None,
    language: str | None = None,
) -> bool:
    """Keep a text that came in. False if the provider had already brought it."""
    return insert_new(
        conn,
        message,
        id=id,
        direction="in",
        status="delivered",
        msisdn=msisdn,
        channel=channel,
        text=text,
        encoding=encoding,
        segments=segments,
        provider=provider,
        provider_id=provider_id,
        language=language,
        created_at=now,
        sent_at=sent_at,
        delivered_at=now,
    )


def queue(
    conn: Connection,
    *,
    id: str,
    msisdn: str,
    channel: str,
    text: str,
    encoding: str,
    segments: int,
    now: datetime,
    language: str | None = None,
    topic: str | None = None,
    about: str | None = None,
) -> None:
    """Keep a text that is to leave."""
    conn.execute(
        message.insert().values(
            id=id,
            direction="out",
            status="queued",
            msisdn=msisdn,
            channel=channel,
            text=text,
            encoding=encoding,
            segments=segments,
            language=language,
            topic=topic,
            about=about,
            created_at=now,
        )
    )


def find(conn: Connection, id: str) -> Message | None:
    row = conn.execute(select(*_FIELDS).where(message.c.id == id)).first()
    return Message(*row) if row else None


def sending(conn: Connection, id: str) -> bool:
    """To be committed before the provider is called. False if it has been called before: it may have left."""
    return _advance(conn, id, "sending")


def postponed(conn: Connection, id: str, *, error: str) -> bool:
    """The attempt certainly failed and another will follow."""
    in_hand = message.update().where(message.c.id == id, message.c.status == "sending")
    return conn.execute(in_hand.values(status="queued", error=error)).rowcount == 1


def sent(conn: Connection, id: str, *, provider: str, provider_id: str, cost: str | None, now: datetime) -> bool:
    """The provider has it, under an id of its own. Reports that overtook the provider's answer count now."""
    _one_at_a_time(conn, provider, provider_id)
    moved = _advance(conn, id, "sent", provider=provider, provider_id=provider_id, cost=cost, error=None, sent_at=now)
    if moved:
        for early in _take_early(conn, provider, provider_id):
            _advance_by_report(conn, id, early.status, early.at, early.error)
    return moved


def failed(conn: Connection, id: str, *, error: str, provider: str | None = None) -> bool:
    """It did not leave and never will."""
    return _advance(conn, id, "failed", provider=provider, error=error)


def unknown(conn: Connection, id: str, *, error: str, provider: str) -> bool:
    """Nobody can say whether it left."""
    return _advance(conn, id, "unknown", provider=provider, error=error)


def suppressed(conn: Connection, id: str, *, error: str) -> bool:
    """It was held back on purpose, and `error` says why."""
    return _advance(conn, id, "suppressed", error=error)


def report(
    conn: Connection, provider: str, provider_id: str, status: Status, now: datetime, error: str | None = None
) -> bool:
    """What the provider says has become of a text. False for a stray: no text of ours has that id, yet.

    A stray is kept, because a report can be faster than the answer to the send that it is about.
    """
    _one_at_a_time(conn, provider, provider_id)
    theirs = message.c.provider == provider, message.c.provider_id == provider_id
    id = conn.execute(select(message.c.id).where(*theirs, message.c.direction == "out")).scalar()
    if id is None:
        about = {"provider": provider, "provider_id": provider_id}
        insert_new(conn, early_report, **about, status=status, error=error, at=now)
        return False
    _advance_by_report(conn, id, status, now, error)
    return True


def sweep(conn: Connection, older_than: datetime) -> int:
    """Forget strays that came before then; how many that were."""
    return conn.execute(early_report.delete().where(early_report.c.at < older_than)).rowcount


def history(
    conn: Connection,
    msisdn: str | None = None,
    *,
    direction: Direction | None = None,
    status: Status | None = None,
    after: str | None = None,
    limit: int,
) -> list[Message]:
    """Texts of one phone or of all, newest first, going on after the message whose id is `after`."""
    page = select(*_FIELDS).order_by(message.c.seq.desc()).limit(limit)
    asked = {"msisdn": msisdn, "direction": direction, "status": status}
    page = page.filter_by(**{name: value for name, value in asked.items() if value is not None})
    if after is not None:
        page = page.where(message.c.seq < select(message.c.seq).where(message.c.id == after).scalar_subquery())
    return [Message(*row) for row in conn.execute(page)]


def _advance(conn: Connection, id: str, status: Status, **values: Any) -> bool:
    behind = message.update().where(message.c.id == id, message.c.status.in_(_BEHIND[status]))
    return conn.execute(behind.values(status=status, **values)).rowcount == 1


def _advance_by_report(conn: Connection, id: str, status: Status, at: datetime, error: str | None) -> None:
    stamp = {_STAMP[status]: at} if status in _STAMP else {}
    _advance(conn, id, status, error=error, **stamp)


def _take_early(conn: Connection, provider: str, provider_id: str) -> Sequence[Row[Any]]:
    theirs = early_report.c.provider == provider, early_report.c.provider_id == provider_id
    return conn.execute(early_report.delete().where(*theirs).returning(early_report)).all()


def _one_at_a_time(conn: Connection, provider: str, provider_id: str) -> None:
    """On PostgreSQL, where neither of two open transactions sees what the other has written."""
    if conn.dialect.name == "postgresql":
        number = func.hashtextextended(f"{provider} {provider_id}", 0)
        conn.execute(select(func.pg_advisory_xact_lock(number)))
