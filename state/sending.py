"""The status of an outgoing message while workers try to send it.

    sending.start(conn, [id], now)          committed before the provider is called
    sending.accept(conn, [AcceptedMessage(id, "twilio", "SM1", "USD 0.0075")], now)

A message that a provider may have taken, but whose answer we did not get, is `unknown` until a delivery report comes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, or_, select

from state import delivery_reports
from state.delivery_reports import EarlyReport
from state.messages import Message, advance, find, moved_to
from state.tables import message


@dataclass(frozen=True, slots=True)
class AcceptedMessage:
    """A provider's answer to a send. `provider_id` is None if it gave no id; `cost` is as the provider writes it."""

    id: str
    provider: str
    provider_id: str | None
    cost: str | None


def start(conn: Connection, ids: Collection[str], now: datetime) -> None:
    """Mark queued messages as `sending`. Commit before the provider is called: after that they may have been sent."""
    queued = message.update().where(message.c.id.in_(ids), message.c.status == "queued")
    conn.execute(queued.values(status="sending", asked_at=now))


def start_again(conn: Connection, id: str, now: datetime) -> bool:
    """Count one more send of a message whose worker died while sending. False if it is no longer `sending`.

    Commit before the provider is called.
    """
    interrupted = message.update().where(message.c.id == id, message.c.status == "sending")
    return conn.execute(interrupted.values(repeats=message.c.repeats + 1, asked_at=now)).rowcount == 1


def retry_later(conn: Connection, id: str, *, error: str) -> bool:
    """Queue the message again, because this attempt certainly failed. False if it is not `sending`."""
    attempted = message.update().where(message.c.id == id, message.c.status == "sending")
    return conn.execute(attempted.values(status="queued", error=error)).rowcount == 1


def hold(conn: Connection, id: str, *, error: str) -> None:
    """Store why a queued message has to wait."""
    conn.execute(message.update().where(message.c.id == id, message.c.status == "queued").values(error=error))


def send_by_sms(conn: Connection, unsent: Message) -> Message:
    """The message as an SMS, because nobody sends it by another channel."""
    if unsent.channel == "sms":
        return unsent
    conn.execute(message.update().where(message.c.id == unsent.id).values(channel="sms"))
    return replace(unsent, channel="sms")


def release(conn: Connection, ids: Collection[str]) -> None:
    """Queue messages again that were started although no provider was called.

    One that a worker died while sending keeps the time of that send: a report on it may still come.
    """
    started = message.update().where(message.c.id.in_(ids), message.c.status == "sending")
    asked_at = case((message.c.repeats > 0, message.c.asked_at), else_=None)
    conn.execute(started.values(status="queued", asked_at=asked_at))


def accept(conn: Connection, answers: Sequence[AcceptedMessage], now: datetime) -> list[EarlyReport]:
    """Mark messages as `sent` under the ids that providers gave them; apply and return reports that arrived before."""
    if not answers:
        return []
    named = [(answer.provider, answer.provider_id) for answer in answers if answer.provider_id]
    delivery_reports.lock(conn, named)
    owners = _owners(conn, named)
    given: dict[str, Any] = {"provider": bindparam("by"), "provider_id": bindparam("by_id"), "cost": bindparam("costs")}
    accepted = moved_to("sent", message.c.id == bindparam("of")).values(error=None, sent_at=now, **given)
    rows = []
    for answer in answers:
        # if a provider gives the same id twice, the id and its reports belong to the first message
        is_owner = owners.setdefault((answer.provider, answer.provider_id or ""), answer.id) == answer.id
        provider_id = answer.provider_id if is_owner else None
        rows.append({"of": answer.id, "by": answer.provider, "by_id": provider_id, "costs": answer.cost})
    conn.execute(accepted, rows)
    return delivery_reports.apply_early(conn, named)


def fail(conn: Connection, id: str, *, error: str, provider: str | None = None) -> bool:
    """Mark a message as `failed`: it was not sent and will not be tried again."""
    return advance(conn, message.c.id == id, "failed", provider=provider, error=error)


def mark_unknown(conn: Connection, id: str, *, error: str, provider: str) -> list[EarlyReport] | None:
    """Mark a message as `unknown`: it may or may not have been sent. Reports that came already are applied.

    Returns these reports; None if the message was not changed.
    """
    if not advance(conn, message.c.id == id, "unknown", provider=provider, error=error):
        return None
    found = find(conn, id)
    return delivery_reports.confirm(conn, found, provider) if found else []


def suppress(conn: Connection, id: str, *, error: str) -> bool:
    """Mark a message as `suppressed`: it is deliberately not sent, and `error` says why."""
    return advance(conn, message.c.id == id, "suppressed", error=error)


def suppress_waiting(conn: Connection, msisdn: str, topic: str, about: str, *, error: str) -> None:
    """Suppress the queued messages of a topic to a phone that are about `about`."""
    c = message.c
    waiting = c.msisdn == msisdn, c.topic == topic, c.about == about, c.status == "queued"
    conn.execute(moved_to("suppressed", and_(*waiting)).values(error=error))


def requeue(conn: Connection, id: str) -> bool:
    """Queue a message again because an operator wants it resent. False unless it failed or was suppressed.

    Reports on the first send are strays from now on. The cost of the first send is kept until a provider names another.
    """
    ended = message.update().where(message.c.id == id, message.c.status.in_(("failed", "suppressed")))
    fresh = ended.values(status="queued", error=None, reported=None, provider=None, provider_id=None)
    return conn.execute(fresh).rowcount == 1


def _owners(conn: Connection, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The messages that already have one of these ids, by provider and provider id."""
    if not named:
        return {}
    c = message.c
    by_provider = delivery_reports.by_provider(named)
    has_id = or_(*[(c.provider == provider) & c.provider_id.in_(ids) for provider, ids in by_provider.items()])
    found = conn.execute(select(c.provider, c.provider_id, c.id).where(c.direction == "out", has_id))
    return {(provider, provider_id): id for provider, provider_id, id in found}
