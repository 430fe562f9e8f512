"""Broadcasts: what each says and to whom, how far it is, and whether it was stopped.

The messages of a broadcast are in `messages`; they are those of topic `broadcast` whose `about` is its id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Row, func, select

from state.messages import MessageStatus
from state.tables import IS_BROADCAST, broadcast, insert_new, message


@dataclass(frozen=True, slots=True)
class BroadcastRecord:
    """A broadcast to the people of `audience`, who were `recipients` when `by` began it.

    `queued_at` is when the last of its messages was queued, `stopped_at` when it was stopped.
    """

    id: str
    text: str
    audience: Mapping[str, str | None]
    recipients: int
    by: str
    created_at: datetime
    queued_at: datetime | None = None
    stopped_at: datetime | None = None


_ALL = select(*(broadcast.c[name] for name in BroadcastRecord.__dataclass_fields__))


def add(conn: Connection, new: BroadcastRecord) -> bool:
    """Store a broadcast; False if there is one with this id."""
    return insert_new(
        conn,
        broadcast,
        id=new.id,
        text=new.text,
        audience=msgspec.json.encode(new.audience).decode(),
        recipients=new.recipients,
        by=new.by,
        created_at=new.created_at,
    )


def find(conn: Connection, id: str) -> BroadcastRecord | None:
    """The broadcast with this id, or None."""
    row = conn.execute(_ALL.where(broadcast.c.id == id)).first()
    return _read(row) if row else None


def newest(conn: Connection, limit: int) -> list[BroadcastRecord]:
    """The last broadcasts, newest first."""
    last = _ALL.order_by(broadcast.c.created_at.desc(), broadcast.c.id.desc()).limit(limit)
    return [_read(row) for row in conn.execute(last)]


def note_queued(conn: Connection, id: str, now: datetime) -> None:
    """Store that the last message of a broadcast was queued."""
    conn.execute(broadcast.update().where(broadcast.c.id == id).values(queued_at=now))


def stop(conn: Connection, id: str, now: datetime) -> bool:
    """Let nothing more of a broadcast leave. False if there is no such broadcast, or it was stopped before."""
    running = broadcast.update().where(broadcast.c.id == id, broadcast.c.stopped_at.is_(None))
    return conn.execute(running.values(stopped_at=now)).rowcount == 1


def stopped(conn: Connection, ids: Collection[str]) -> set[str]:
    """Those of these broadcasts that were stopped."""
    found = select(broadcast.c.id).where(broadcast.c.id.in_(ids), broadcast.c.stopped_at.is_not(None))
    return set(conn.scalars(found))


def counts(conn: Connection, id: str) -> dict[MessageStatus, int]:
    """How many messages of a broadcast have each status; a status that none has is left out."""
    of_broadcast = select(message.c.status, func.count()).where(IS_BROADCAST, message.c.about == id)
    return dict(conn.execute(of_broadcast.group_by(message.c.status)).all())


def errors(conn: Connection, id: str) -> list[tuple[str, int]]:
    """Why messages of a broadcast wait or did not leave, and how many, the most frequent reason first."""
    of_broadcast = IS_BROADCAST, message.c.about == id, message.c.error.is_not(None)
    reasons = select(message.c.error, func.count().label("times")).where(*of_broadcast).group_by(message.c.error)
    return [(error, times) for error, times in conn.execute(reasons.order_by(func.count().desc(), message.c.error))]


def _read(row: Row[*tuple[object, ...]]) -> BroadcastRecord:
    return BroadcastRecord(**{**row._mapping, "audience": msgspec.json.decode(row.audience)})
