"""Deferred commands: kept in the outbox while a remote shop is unreachable, performed later in each person's order.

{"msisdn": "+254711000103", "key": "9f1c…:2", "command": {"type": "SetPrice", …}, "conversation": {…}}
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import msgspec
from sqlalchemy import Connection

from flows.commands import Command, SendPhotoLink, ShopCommand
from flows.kit import Conversation
from marketplace_api.backoff import Backoff
from state import outbox

KIND = "command"
RETRIES = Backoff.doubling(timedelta(seconds=5), timedelta(minutes=2))
"""The gaps before the attempts: also before the first one, because the shop was unreachable just now."""

Deferrable = ShopCommand | SendPhotoLink


class DeferredCommand(msgspec.Struct):
    """A command, its key, the person it is for, and the conversation as it was before the command."""

    msisdn: str
    key: str
    command: Deferrable
    conversation: Conversation


# made at import: two threads that make msgspec's first decoder of a type at the same time crash the process
msgspec.json.Decoder(DeferredCommand)


def add(conn: Connection, msisdn: str, key: str, command: Command, before: bytes, now: datetime) -> None:
    """Add a command to the outbox. `before` is the conversation as JSON, as it was before the command."""
    conversation = msgspec.json.decode(before, type=Conversation)
    deferred = DeferredCommand(msisdn, key, cast("Deferrable", command), conversation)
    outbox.add(
        conn,
        kind=KIND,
        payload=msgspec.to_builtins(deferred),
        key=f"command:{key}",
        ordering_key=_ordering_key(msisdn),
        due_at=now + RETRIES.shortest,
        now=now,
    )


def has_waiting(conn: Connection, msisdn: str) -> bool:
    """True if a command of this person has still to be performed."""
    return outbox.has_unfinished(conn, _ordering_key(msisdn))


def _ordering_key(msisdn: str) -> str:
    return f"shop:{msisdn}"
