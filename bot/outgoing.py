"""Texts that must leave: written down in the transaction of what they tell, sent after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from flows import gsm7
from state import messages, outbox

MESSAGE = "message"
"""The kind of job that a text leaves by."""
REPLY, NEWS, REMINDER, BROADCAST = 10, 5, 3, 1
"""Priorities: somebody waits for a reply; a broadcast waits for everything."""


def is_answer(topic: str | None) -> bool:
    """What a person asked for; it is said even after STOP."""
    return topic == "reply"


def is_promotion(topic: str | None) -> bool:
    """What is neither asked for nor about her orders and money: topics `reminder…` and `broadcast`."""
    return topic is not None and topic.partition(".")[0] in ("reminder", "broadcast")


@dataclass(frozen=True, slots=True)
class Text:
    """Something to be said to one phone. `key` is the same however often its cause is met."""

    key: str
    msisdn: str
    body: str
    language: str
    topic: str
    about: str | None = None
    dialogue: str | None = None
    channel: str = "sms"
    priority: int = NEWS


def queue(conn: Connection, text: Text, message_id: str, now: datetime) -> bool:
    """Keeps the text to be sent once; False when its key was met before."""
    job = {"message": message_id}
    if not outbox.add(
        conn,
        kind=MESSAGE,
        payload=job,
        key=text.key,
        lane=text.msisdn,
        due_at=now,
        now=now,
        priority=text.priority,
    ):
        return False
    body = gsm7.plain(text.body)
    size = gsm7.segments(body)
    messages.queue(
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
