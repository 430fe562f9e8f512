"""Texts that must leave: written down in the transaction of what they tell, sent after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from flows import gsm7
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from state import messages, outbox, sending
from state.messages import Message

MESSAGE = "message"
"""The kind of job that a text leaves by."""
REPLY, NOTIFICATION, REMINDER, BROADCAST = 10, 5, 3, 1
"""Priorities: somebody waits for a reply; a broadcast waits for everything."""


def is_answer(topic: str | None) -> bool:
    """What a person asked for; it is said even after STOP."""
    return topic == "reply"


def is_promotion(topic: str | None) -> bool:
    """What is neither asked for nor about her orders and money: topics `reminder…` and `broadcast`."""
    return topic is not None and topic.partition(".")[0] in ("reminder", "broadcast")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Something to be said to one phone. `key` is the same however often its cause is met."""

    key: str
    msisdn: str
    body: str
    language: str
    topic: str
    about: str | None = None
    dialogue: str | None = None
    channel: str = "sms"
    priority: int = NOTIFICATION


def add(conn: Connection, text: NewMessage, message_id: str, now: datetime) -> bool:
    """Keeps the text to be sent once; False when its key was met before."""
    if not _let_leave(conn, text.key, message_id, text.msisdn, text.priority, now):
        return False
    body = gsm7.plain(text.body)
    size = gsm7.segments(body)
    messages.add_outgoing(
        conn,
        id=message_id,
        msisdn=text.msisdn,
        channel=text.channel,
        text=body,
        encoding=size.encoding,
        segments=size.count,
        now=now,
        language=text.language,
        topic=text.topic,
        about=text.about,
        dialogue=text.dialogue,
    )
    return True


def resend(shop: Shop, message_id: str) -> Message:
    """Lets a text that failed or was held back leave once more, unless manners speak against it again.

    `Refused` with `unknown_message`, or with `message_not_failed` for every other text.
    """
    conn = shop.session.connection()
    is_again = sending.requeue(conn, message_id)
    message = messages.find(conn, message_id)
    if message is None:
        raise Refused("unknown_message", 404)
    if not is_again:
        raise Refused("message_not_failed", current=message.status)
    outbox.finish_dead(conn, kind=MESSAGE, payload=_job(message_id), now=shop.now)
    _let_leave(conn, f"resend:{shop.ids.new_id('job')}", message_id, message.msisdn, NOTIFICATION, shop.now)
    return message


def _let_leave(conn: Connection, key: str, message_id: str, msisdn: str, priority: int, now: datetime) -> bool:
    """Adds the job by which a text leaves; False when its key was met before."""
    return outbox.add(
        conn,
        kind=MESSAGE,
        payload=_job(message_id),
        key=key,
        ordering_key=msisdn,
        due_at=now,
        now=now,
        priority=priority,
    )


def _job(message_id: str) -> dict[str, str]:
    return {"message": message_id}
