"""Every text, in or out, and where it stands.

    queued ─> sending ─> unknown ─> sent ─> delivered │ failed │ suppressed
      ↑__________│ postponed                              │          │
      ↑___________________________________________________│__________│ again

A status only moves to the right, so reports may come twice, late and in any order; the last three are final, unless
an operator has a text sent again.
What a provider may have taken without our hearing its id waits as `unknown` for a report to that phone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ARRAY, ColumnElement, Connection, Row, Text, Update, and_, bindparam, cast, func, or_, select

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
_WITH_US = ("queued", "sending")
_STAMP: dict[Status, str] = {"sent": "sent_at", "delivered": "delivered_at"}
UNCONFIRMED = "unconfirmed"
"""The error of a text of which nobody has said for long whether it left."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text. `cost` is the provider's own words, `KES 0.8000`; `topic` and `about` say why it was sent.

    `repeats` is how often it was sent once more although it may have left: so often it may have come twice.
    """

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
    dialogue: str | None
    reported: str | None
    repeats: int
    created_at: datetime
    asked_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecentMessage:
    """A text that a phone was sent at `at`."""

    id: str
    msisdn: str
    text: str
    topic: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Unknown:
    """Texts that may have left, and how many of them nobody will tell of any more."""

    all: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class AcceptedMessage:
    """What a provider said when it took a text over: an id of its own, unless it gave none, and the cost."""

    id: str
    provider: str
    provider_id: str | None
    cost: str | None


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
    dialogue: str | None = None,
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
            dialogue=dialogue,
            created_at=now,
        )
    )


def find(conn: Connection, id: str) -> Message | None:
    row = conn.execute(select(*_FIELDS).where(message.c.id == id)).first()
    return Message(*row) if row else None


def find_all(conn: Connection, ids: Collection[str]) -> dict[str, Message]:
    """Those that there are, by their id."""
    rows = conn.execute(select(*_FIELDS).where(message.c.id.in_(ids)))
    return {found.id: found for found in (Message(*row) for row in rows)}


def asked_since(conn: Connection, msisdns: Collection[str], since: datetime) -> list[RecentMessage]:
    """What these phones were sent since then, or may have been."""
    c = message.c
    recent = select(c.id, c.msisdn, c.text, c.topic, c.asked_at).where(c.msisdn.in_(msisdns), c.asked_at > since)
    return [RecentMessage(*row) for row in conn.execute(recent.where(c.status != "failed"))]


def unanswered(conn: Connection, msisdn: str, since: datetime, but: str = "") -> str | None:
    """The last text that came in from a phone since then, if the answer to it is still with us.

    `but` is a provider's id, and its text is passed over: who asks on behalf of it is no repetition of itself.
    """
    c, answer = message.c, message.alias("answer")
    heard = select(c.text, c.provider_id).where(c.msisdn == msisdn, c.direction == "in", c.created_at > since)
    heard = heard.where(c.provider_id != but)
    last = heard.order_by(c.seq.desc()).limit(1).subquery()
    waiting = answer.c.msisdn == msisdn, answer.c.about == last.c.provider_id, answer.c.status.in_(_WITH_US)
    text: str | None = conn.execute(select(last.c.text).where(select(answer.c.id).where(*waiting).exists())).scalar()
    return text


def said_after(conn: Connection, msisdn: str, provider: str, sent_at: datetime) -> list[str]:
    """What a phone has said since then by the clock of a provider, whenever it was brought."""
    c = message.c
    hers = c.msisdn == msisdn, c.direction == "in", c.provider == provider, c.sent_at > sent_at
    return list(conn.scalars(select(c.text).where(*hers).order_by(c.seq)))


def sending(conn: Connection, ids: Collection[str], now: datetime) -> None:
    """To be committed before the provider is called: from now on they may have left."""
    queued = message.update().where(message.c.id.in_(ids), message.c.status == "queued")
    conn.execute(queued.values(status="sending", asked_at=now))


def repeating(conn: Connection, id: str, now: datetime) -> bool:
    """To be committed before it is sent once more, by another than who died sending it; False if that is settled."""
    in_hand = message.update().where(message.c.id == id, message.c.status == "sending")
    again = {"repeats": message.c.repeats + 1, "asked_at": now}
    return conn.execute(in_hand.values(again)).rowcount == 1


def postponed(conn: Connection, id: str, *, error: str) -> bool:
    """The attempt certainly failed and another will follow."""
    in_hand = message.update().where(message.c.id == id, message.c.status == "sending")
    return conn.execute(in_hand.values(status="queued", error=error)).rowcount == 1


def held(conn: Connection, id: str, *, error: str) -> None:
    """It waits, and `error` says why."""
    conn.execute(message.update().where(message.c.id == id, message.c.status == "queued").values(error=error))


def put_back(conn: Connection, ids: Collection[str]) -> None:
    """They were to be sent and no provider was called."""
    in_hand = message.update().where(message.c.id.in_(ids), message.c.status == "sending")
    conn.execute(in_hand.values(status="queued", asked_at=None))


def sent(conn: Connection, answers: Sequence[AcceptedMessage], now: datetime) -> None:
    """Providers have them, under ids of their own. Reports that overtook the providers' answers count now."""
    if not answers:
        return
    named = [(answer.provider, answer.provider_id) for answer in answers if answer.provider_id]
    _one_at_a_time(conn, named)
    owners = _owners(conn, named)
    told: dict[str, Any] = {"provider": bindparam("by"), "provider_id": bindparam("by_id"), "cost": bindparam("costs")}
    moved = _moved("sent", message.c.id == bindparam("of")).values(error=None, sent_at=now, **told)
    rows = []
    for answer in answers:
        # an id that a provider gives twice names the first; reports on it are about that one
        is_its_own = owners.setdefault((answer.provider, answer.provider_id or ""), answer.id) == answer.id
        by_id = answer.provider_id if is_its_own else None
        rows.append({"of": answer.id, "by": answer.provider, "by_id": by_id, "costs": answer.cost})
    conn.execute(moved, rows)
    for early in _take_early(conn, named):
        _advance_by_report(conn, _is_theirs(early.provider, early.provider_id), early.status, early.at, early.error)


def failed(conn: Connection, id: str, *, error: str, provider: str | None = None) -> bool:
    """It did not leave and never will."""
    return _advance(conn, message.c.id == id, "failed", provider=provider, error=error)


def unknown(conn: Connection, id: str, *, error: str, provider: str) -> bool:
    """Nobody can say whether it left, until a report to its phone comes; one that came already counts."""
    if not _advance(conn, message.c.id == id, "unknown", provider=provider, error=error):
        return False
    found = find(conn, id)
    if found:
        confirmed(conn, found, provider)
    return True


def confirmed(conn: Connection, lost: Message, provider: str) -> bool:
    """Whether a stray report says that a text left although we never heard the provider's answer to it.

    Not while another text to that phone is being sent, or an earlier one is as uncertain: the report may be about it.
    """
    _one_at_a_time(conn, [(provider, lost.msisdn)])
    c, m = early_report.c, message.c
    earlier = and_(m.status == "unknown", m.provider_id.is_(None), m.asked_at < lost.asked_at)
    other = select(m.id).where(m.msisdn == lost.msisdn, m.id != lost.id, or_(m.status == "sending", earlier)).exists()
    theirs = c.provider == provider, c.msisdn == lost.msisdn, c.at >= (lost.asked_at or lost.created_at), ~other
    provider_id = conn.execute(select(c.provider_id).where(*theirs).order_by(c.at).limit(1)).scalar()
    if provider_id is None:
        return False
    _adopt(conn, lost.id, provider, provider_id)
    for early in _take_early(conn, [(provider, provider_id)]):
        _advance_by_report(conn, message.c.id == lost.id, early.status, early.at, early.error)
    return True


def suppressed(conn: Connection, id: str, *, error: str) -> bool:
    """It was held back on purpose, and `error` says why."""
    return _advance(conn, message.c.id == id, "suppressed", error=error)


def again(conn: Connection, id: str) -> bool:
    """An operator wants it to leave once more; False unless it failed or was suppressed.

    From now on reports on the first time are strays. What that cost stands until a provider names another price.
    """
    ended = message.update().where(message.c.id == id, message.c.status.in_(("failed", "suppressed")))
    anew = ended.values(status="queued", error=None, reported=None, provider=None, provider_id=None)
    return conn.execute(anew).rowcount == 1


def report(
    conn: Connection,
    provider: str,
    provider_id: str,
    status: Status,
    now: datetime,
    error: str | None = None,
    msisdn: str | None = None,
) -> bool:
    """What the provider says has become of a text. False for a stray: no text of ours has that id, yet.

    A stray is about the oldest text to that phone of which we do not know whether it left. If there is none, or
    another is being sent just now, it is kept: a report can be faster than the answer to the send that it is about.
    """
    _one_at_a_time(conn, [(provider, provider_id)])
    theirs = _is_theirs(provider, provider_id)
    if msisdn and not _is_known(conn, theirs):
        _one_at_a_time(conn, [(provider, msisdn)])  # an earlier report may just be settling a lost text under this id
    if not _is_known(conn, theirs):
        lost = _oldest_unknown(conn, provider, msisdn) if msisdn else None
        if lost is None:
            about = {"provider": provider, "provider_id": provider_id, "msisdn": msisdn}
            insert_new(conn, early_report, **about, status=status, error=error, at=now)
            return False
        _adopt(conn, lost, provider, provider_id)
    _advance_by_report(conn, theirs, status, now, error)
    return True


def told(conn: Connection, provider: str, provider_id: str, words: str) -> None:
    """The provider's own words for where a text stands, whether we know what they mean or not."""
    conn.execute(message.update().where(_is_theirs(provider, provider_id)).values(reported=words))


def recipient(conn: Connection, provider: str, provider_id: str) -> str | None:
    """Whom a text was for that a provider reports on."""
    return conn.execute(select(message.c.msisdn).where(_is_theirs(provider, provider_id))).scalar()


def unknown_ones(conn: Connection) -> Unknown:
    """How many texts there are of which nobody knows whether they left."""
    marked = func.count().filter(message.c.error == UNCONFIRMED)
    return Unknown(*conn.execute(select(func.count(), marked).where(message.c.status == "unknown")).one())


def settle_unknown(conn: Connection, asked_before: datetime) -> list[str]:
    """Looks once more for reports on what may have left; the ids of texts nobody has told of since `asked_before`.

    They are marked as unconfirmed, and told once.
    """
    lost = message.c.status == "unknown", message.c.provider_id.is_(None)
    texts = [Message(*row) for row in conn.execute(select(*_FIELDS).where(*lost).order_by(message.c.asked_at))]
    silent = [text for text in texts if text.provider is None or not confirmed(conn, text, text.provider)]
    ids = [
        text.id for text in silent if (text.asked_at or text.created_at) < asked_before and text.error != UNCONFIRMED
    ]
    conn.execute(message.update().where(message.c.id.in_(ids)).values(error=UNCONFIRMED))
    return ids


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


def _is_theirs(provider: str, provider_id: str) -> ColumnElement[bool]:
    c = message.c
    return (c.provider == provider) & (c.provider_id == provider_id) & (c.direction == "out")


def _is_known(conn: Connection, which: ColumnElement[bool]) -> bool:
    return conn.execute(select(message.c.id).where(which)).first() is not None


def _moved(status: Status, which: ColumnElement[bool]) -> Update:
    # one comparison each, since a list cannot stand where many rows are written at once
    behind = or_(*[message.c.status == other for other in _BEHIND[status]])
    return message.update().where(which, behind).values(status=status)


def _advance(conn: Connection, which: ColumnElement[bool], status: Status, **values: Any) -> bool:
    return conn.execute(_moved(status, which).values(**values)).rowcount == 1


def _advance_by_report(
    conn: Connection, which: ColumnElement[bool], status: Status, at: datetime, error: str | None
) -> None:
    stamp = {_STAMP[status]: at} if status in _STAMP else {}
    _advance(conn, which, status, error=error, **stamp)


def _oldest_unknown(conn: Connection, provider: str, msisdn: str) -> str | None:
    c = message.c
    theirs = c.msisdn == msisdn, c.status.in_(("sending", "unknown")), c.provider_id.is_(None)
    found = conn.execute(select(c.id, c.status, c.provider).where(*theirs).order_by(c.asked_at)).all()
    if any(text.status == "sending" for text in found):
        return None
    return next((text.id for text in found if text.provider == provider), None)


def _adopt(conn: Connection, id: str, provider: str, provider_id: str) -> None:
    conn.execute(message.update().where(message.c.id == id).values(provider=provider, provider_id=provider_id))


def _owners(conn: Connection, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Which texts providers have given these ids before."""
    if not named:
        return {}
    found = conn.execute(select(message.c.provider, message.c.provider_id, message.c.id).where(_one_of(named)))
    return {(provider, provider_id): id for provider, provider_id, id in found}


def _one_of(named: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    of = {provider: [id for by, id in named if by == provider] for provider, _ in named}
    c = message.c
    return (c.direction == "out") & or_(*[(c.provider == by) & c.provider_id.in_(ids) for by, ids in of.items()])


def _take_early(conn: Connection, named: Collection[tuple[str, str]]) -> Sequence[Row[Any]]:
    c = early_report.c
    of = {provider: [id for by, id in named if by == provider] for provider, _ in named}
    theirs = or_(*[(c.provider == provider) & c.provider_id.in_(ids) for provider, ids in of.items()])
    if not of or conn.execute(select(c.at).where(theirs).limit(1)).first() is None:
        return []
    return conn.execute(early_report.delete().where(theirs).returning(early_report)).all()


def _one_at_a_time(conn: Connection, named: Iterable[tuple[str, str]]) -> None:
    """On PostgreSQL, where neither of two open transactions sees what the other has written.

    In one order, so that no two wait for each other.
    """
    if conn.dialect.name == "postgresql":
        names = sorted(f"{provider} {id}" for provider, id in named)
        number = func.hashtextextended(func.unnest(cast(names, ARRAY(Text))), 0)
        conn.execute(select(func.pg_advisory_xact_lock(number)))
