"""Messages, inbound and outgoing: what is stored of each and its status.

    queued ─> sending ─> unknown ─> sent ─> delivered │ failed │ suppressed

A status only moves to the right, so provider reports may come twice, late and in any order; the last three are final.
Three moves go back to `queued` (`state.sending`): an attempt that will be retried, an attempt that was not started, and
a resend that an operator asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, Update, bindparam, case, or_, select

from state.tables import IS_SEALED, insert_new, message

Direction = Literal["in", "out"]
MessageStatus = Literal["queued", "sending", "sent", "delivered", "failed", "unknown", "suppressed"]
ReportedStatus = Literal["sending", "sent", "delivered", "failed", "unknown"]
"""What a provider can say of a message; the other statuses are ours alone."""

_RANK: dict[MessageStatus, int] = {
    "queued": 0,
    "sending": 1,
    "unknown": 2,  # the provider may have accepted it; a delivery report will say so
    "sent": 3,
    "delivered": 4,
    "failed": 4,
    "suppressed": 4,
}
_EARLIER = {status: [other for other in _RANK if _RANK[other] < _RANK[status]] for status in _RANK}
_NOT_SENT_YET = ("queued", "sending")
ERASED = ""
"""Stands for the sealed codes of a text that has left, or that will not leave."""


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message. All times are aware UTC.

    `cost` is the price as the provider writes it (`KES 0.8000`); `topic` and `about` say why the message was sent.
    `true_while` is the condition, as JSON, under which it is still sent after it has waited.
    `to_stranger` is true if it answers a phone of no artisan, agent or buyer.
    `sealed` is what opens the one-time codes of the text, or `ERASED`; None if it has none.
    `asked_at` is when a provider was last asked to send it, `reported` the provider's last status in its own words.
    `repeats` counts sends after a worker died: each of them may have been a duplicate.
    """

    id: str
    direction: Direction
    msisdn: str
    channel: str
    text: str
    status: MessageStatus
    encoding: str
    segments: int
    cost: str | None
    provider: str | None
    provider_id: str | None
    error: str | None
    language: str | None
    topic: str | None
    about: str | None
    dialogue: str | None
    true_while: str | None
    to_stranger: bool
    sealed: str | None
    reported: str | None
    repeats: int
    created_at: datetime
    asked_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecentMessage:
    """A message that a provider was asked to send to `msisdn` at `at`."""

    id: str
    msisdn: str
    text: str
    topic: str | None
    at: datetime


_FIELDS = [message.c[field.name] for field in fields(Message)]


_LAST_MESSAGES = 200
_ADD = message.insert()


def add_inbound(
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
    """Store an inbound message. False if the provider delivered it before; nothing is stored then."""
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


def add_outgoing(
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
    dialogue: str | None = None,
    true_while: str | None = None,
    to_stranger: bool = False,
    sealed: str | None = None,
) -> None:
    """Store an outgoing message as `queued`."""
    row = {
        "id": id,
        "direction": "out",
        "status": "queued",
        "msisdn": msisdn,
        "channel": channel,
        "text": text,
        "encoding": encoding,
        "segments": segments,
        "language": language,
        "topic": topic,
        "about": about,
        "dialogue": dialogue,
        "true_while": true_while,
        "to_stranger": to_stranger,
        "sealed": sealed,
        "created_at": now,
    }
    conn.execute(_ADD, row)


def find(conn: Connection, id: str) -> Message | None:
    """The message with this id, or None."""
    row = conn.execute(select_messages().where(message.c.id == id)).first()
    return read(row) if row else None


def find_all(conn: Connection, ids: Collection[str]) -> dict[str, Message]:
    """The messages with these ids, by id; ids that do not exist are left out."""
    rows = conn.execute(select_messages().where(message.c.id.in_(ids)))
    return {found.id: found for found in map(read, rows)}


def attempted_since(conn: Connection, msisdns: Collection[str], since: datetime) -> list[RecentMessage]:
    """Messages that a provider was asked to send to these phones after `since`, without those that failed."""
    c = message.c
    recent = select(c.id, c.msisdn, c.text, c.topic, c.asked_at).where(c.msisdn.in_(msisdns), c.asked_at > since)
    return [RecentMessage(*row) for row in conn.execute(recent.where(c.status != "failed"))]


def replies_since(conn: Connection, msisdn: str, since: datetime) -> list[str]:
    """The texts of the answers to a phone among its last messages that were stored after `since`, newest first."""
    c = message.c
    last = select(c.text, c.direction, c.topic, c.created_at).where(c.msisdn == msisdn)
    rows = conn.execute(last.order_by(c.seq.desc()).limit(_LAST_MESSAGES))
    return [row.text for row in rows if row.direction == "out" and row.topic == "reply" and row.created_at > since]


def last_unanswered_text(conn: Connection, msisdn: str, since: datetime, ignoring: str = "") -> str | None:
    """The last inbound text of a phone after `since`, if its answer is queued or being sent; otherwise None.

    `ignoring` is the provider id of an inbound message that does not count: the one for which the caller asks.
    """
    asked = {"phone": msisdn, "since": since, "ignoring": ignoring}
    text: str | None = conn.execute(_last_unanswered(), asked).scalar()
    return text


@cache  # it takes longer to build the statement than to execute it
def _last_unanswered() -> Select[Any]:
    c, answer = message.c, message.alias("answer")
    phone, ignoring = bindparam("phone", type_=c.msisdn.type), bindparam("ignoring", type_=c.provider_id.type)
    inbound = select(c.text, c.provider_id, c.created_at).where(c.msisdn == phone, c.direction == "in")
    inbound = inbound.where(c.provider_id != ignoring)
    last = inbound.order_by(c.seq.desc()).limit(1).subquery()
    waiting = answer.c.msisdn == phone, answer.c.about == last.c.provider_id, answer.c.status.in_(_NOT_SENT_YET)
    is_later = last.c.created_at > bindparam("since", type_=c.created_at.type)
    return select(last.c.text).where(is_later, select(answer.c.id).where(*waiting).exists())


def has_topic(conn: Connection, msisdn: str, topic: str) -> bool:
    """True if a message of this topic to a phone was queued, now or ever."""
    c = message.c
    return conn.execute(select(c.id).where(c.msisdn == msisdn, c.topic == topic).limit(1)).first() is not None


def inbound_texts_after(conn: Connection, msisdn: str, provider: str, sent_at: datetime) -> list[str]:
    """Inbound texts of a phone that were sent after `sent_at` by the provider's clock, in the order they arrived."""
    c = message.c
    later = c.msisdn == msisdn, c.direction == "in", c.provider == provider, c.sent_at > sent_at
    return list(conn.scalars(select(c.text).where(*later).order_by(c.seq)))


def history(
    conn: Connection,
    msisdn: str | None = None,
    *,
    direction: Direction | None = None,
    status: MessageStatus | None = None,
    after: str | None = None,
    limit: int,
) -> list[Message]:
    """Messages of one phone or of all, newest first. `after` is the id of the last message of the page before."""
    page = select_messages().order_by(message.c.seq.desc()).limit(limit)
    filters = {"msisdn": msisdn, "direction": direction, "status": status}
    page = page.filter_by(**{name: value for name, value in filters.items() if value is not None})
    if after is not None:
        page = page.where(message.c.seq < select(message.c.seq).where(message.c.id == after).scalar_subquery())
    return [read(row) for row in conn.execute(page)]


def about(conn: Connection, subject: str, msisdns: Collection[str], since: datetime, limit: int) -> list[Message]:
    """The first messages to these phones about a subject, such as an order, that were stored from `since` on."""
    c = message.c
    found = select_messages().where(c.msisdn.in_(msisdns), c.created_at >= since, c.about == subject)
    return [read(row) for row in conn.execute(found.order_by(c.seq).limit(limit))]


def select_messages() -> Select[tuple[Any, ...]]:
    """A SELECT whose rows `read` understands."""
    return select(*_FIELDS)


def read(row: Sequence[Any]) -> Message:
    """The message in a row of `select_messages`."""
    return Message(*row)


def has_provider_id(provider: str, provider_id: str) -> ColumnElement[bool]:
    """Condition: the outgoing message to which this provider gave this id."""
    c = message.c
    return (c.provider == provider) & (c.provider_id == provider_id) & (c.direction == "out")


# a text by WhatsApp may have to be sent as an SMS until it is delivered
_ERASED_IF_SMS = case(
    ((message.c.sealed.is_(None)) | (message.c.channel == "whatsapp"), message.c.sealed), else_=ERASED
)
_ERASED_ALWAYS = case((message.c.sealed.is_(None), None), else_=ERASED)
_SEAL_AFTER: Mapping[MessageStatus, ColumnElement[Any]] = {
    "sending": message.c.sealed,
    **dict.fromkeys(("unknown", "sent", "failed"), _ERASED_IF_SMS),
    **dict.fromkeys(("delivered", "suppressed"), _ERASED_ALWAYS),
}
"""What is left of the sealed codes when a message moves to a status."""


def erase_codes(conn: Connection, created_before: datetime) -> None:
    """Erase the codes of old messages that have left, or that will not leave."""
    c = message.c
    ended = c.status.not_in(_NOT_SENT_YET), c.created_at < created_before
    conn.execute(message.update().where(IS_SEALED, *ended).values(sealed=ERASED))


def moved_to(status: MessageStatus, which: ColumnElement[bool]) -> Update:
    """An UPDATE that moves messages to a later status, and leaves those alone that are at it or beyond."""
    # one comparison for each status, because an IN list cannot be used when many rows are updated in one statement
    earlier = or_(*[message.c.status == other for other in _EARLIER[status]])
    return message.update().where(which, earlier).values(status=status, sealed=_SEAL_AFTER[status])


def advance(conn: Connection, which: ColumnElement[bool], status: MessageStatus, **values: Any) -> bool:
    """Move one message to a later status. False if there is none, or it is at this status or beyond."""
    return conn.execute(moved_to(status, which).values(**values)).rowcount == 1
