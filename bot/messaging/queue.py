"""Queues outgoing messages: each is stored in the transaction that causes it, and sent after the commit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Literal, cast

import msgspec
from sqlalchemy import Connection

from bot.messaging.sealing import Seal
from bot.messaging.still_true import TrueWhile
from flows import gsm7
from marketplace_api.event_types import EventType
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from state import messages, outbox, sending
from state.messages import Message

KIND = "message"
"""The kind of the outbox jobs that send messages."""

Topic = Literal["reply", "reminder.order", "broadcast", "operator", "unknown"] | EventType
"""Why a message is sent: an answer, a reminder, a broadcast, words of an operator, or the event that it is about.

Topics are stored. `unknown` is an event type that is newer than this program.
"""


class Priority(IntEnum):
    """Messages with a higher priority are sent first. The numbers are stored."""

    BROADCAST = 1
    REMINDER = 3
    STRANGER = 4
    """Answers to strangers: news about orders and money does not wait behind a flood of them."""
    NOTIFICATION = 5
    REPLY = 10
    """The recipient is waiting for it."""


BROADCAST: Topic = "broadcast"
JOINED: Topic = "artisan.registered"
"""The topic of the one text to a person who has joined by phone: what is kept of people."""


def is_reply(topic: str | None) -> bool:
    """True if the recipient caused a message with this topic just now; it is sent even after STOP."""
    return topic in ("reply", JOINED)


SECURITY_TOPICS: tuple[Topic, ...] = (
    "artisan.payout_changed",
    *("payout.created", "payout.rerouted", "payout.released"),
)
"""Where money goes, and the one-time codes for cash; the codes of a PIN reset are replies."""


def is_security(topic: str | None) -> bool:
    """True if a message with this topic protects the recipient's money; STOP and the hourly cap do not hold it."""
    return topic in SECURITY_TOPICS


def is_promotion(topic: str | None) -> bool:
    """True if a message with this topic is neither asked for nor about the recipient's orders and money."""
    return topic is not None and topic.partition(".")[0] in ("reminder", "broadcast")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to one phone that is not stored yet.

    `key` is the same each time that the cause is processed, so the message is sent once. `about` is the id of its
    subject, such as an order; `dialogue` is the flow that it belongs to.
    """

    key: str
    msisdn: str
    text: str
    language: str
    topic: Topic
    about: str | None = None
    dialogue: str | None = None
    channel: str = "sms"
    priority: Priority = Priority.NOTIFICATION
    true_while: TrueWhile | None = None
    """The condition under which it is still sent after it has waited."""
    to_stranger: bool = False
    """True for an answer to a phone of no artisan, agent or buyer. All of these together have a daily cap."""
    sealed: str | None = None
    """The one-time codes that the text has: see `without_codes`."""


def without_codes(message: NewMessage, codes: Collection[str], seal: Seal) -> NewMessage:
    """The message with those of the one-time codes sealed that its text has. The recipient gets the whole text."""
    sealed = seal.close(gsm7.plain(message.text), codes, message.key)
    return replace(message, text=sealed.text, sealed=sealed.codes)


def add(conn: Connection, message: NewMessage, message_id: str, now: datetime) -> bool:
    """Queue the message; False if one with its key was queued before.

    Characters outside GSM-7 that have a readable replacement are replaced, because they would cost segments.
    """
    if not _add_job(conn, message.key, message_id, message.msisdn, message.priority, now):
        return False
    text = gsm7.plain(message.text)
    size = gsm7.segments(text)
    messages.add_outgoing(
        conn,
        id=message_id,
        msisdn=message.msisdn,
        channel=message.channel,
        text=text,
        encoding=size.encoding,
        segments=size.count,
        now=now,
        language=message.language,
        topic=message.topic,
        about=message.about,
        dialogue=message.dialogue,
        true_while=msgspec.json.encode(message.true_while).decode() if message.true_while else None,
        to_stranger=message.to_stranger,
        sealed=message.sealed,
    )
    return True


def repeat_by_sms(conn: Connection, message: Message, message_id: str, now: datetime) -> None:
    """Queue the words of a message by WhatsApp once more, as an SMS.

    Nothing for a message that was an SMS, or whose codes are erased. `message` is as it is stored.
    """
    if message.channel != "whatsapp" or message.sealed == messages.ERASED:
        return
    priority = Priority.REPLY if is_reply(message.topic) else Priority.NOTIFICATION
    again = NewMessage(
        f"by_sms:{message.id}",
        message.msisdn,
        message.text,
        message.language or "",
        cast("Topic", message.topic),
        about=message.about,
        dialogue=message.dialogue,
        priority=priority,
        to_stranger=message.to_stranger,
        sealed=message.sealed,
    )
    add(conn, again, message_id, now)


def resend(shop: Shop, message_id: str) -> Message:
    """Queue a failed or suppressed message again. The send policy is applied once more when it is sent.

    Raises `Refused` with `unknown_message`, with `message_not_failed` for a message in any other status, or with
    `code_erased` if it had a one-time code: its recipient asks for another.
    """
    conn = shop.session.connection()
    message = messages.find(conn, message_id)
    if message is None:
        raise Refused("unknown_message", 404)
    if message.sealed == messages.ERASED:
        raise Refused("code_erased")
    requeued = sending.requeue(conn, message_id)
    message = messages.find(conn, message_id) or message
    if not requeued:
        raise Refused("message_not_failed", current=message.status)
    outbox.finish_dead(conn, kind=KIND, payload=_payload(message_id), now=shop.now)
    key = f"resend:{shop.ids.new_id('job')}"
    _add_job(conn, key, message_id, message.msisdn, Priority.NOTIFICATION, shop.now)
    return message


def _add_job(conn: Connection, key: str, message_id: str, msisdn: str, priority: Priority, now: datetime) -> bool:
    return outbox.add(
        conn,
        kind=KIND,
        payload=_payload(message_id),
        key=key,
        ordering_key=msisdn,
        due_at=now,
        now=now,
        priority=priority.value,
    )


def _payload(message_id: str) -> dict[str, str]:
    return {"message": message_id}
