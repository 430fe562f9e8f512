"""Commands that wait for a shop elsewhere: kept in the outbox, done in her order, and told to her afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import msgspec
from sqlalchemy import Connection

from flows.commands import Command, ShopCommand
from flows.kit import Conversation
from state import outbox

KIND = "command"
FIRST = timedelta(seconds=5)
"""How long a command waits at first: it could not be done just now."""


class Note(msgspec.Struct):
    """What is to be done for whom, and where the conversation stood that asked for it."""

    msisdn: str
    key: str
    command: ShopCommand
    conversation: Conversation


# msgspec gets to know a type as it first reads one; two threads that make it do so at once crash the process
msgspec.json.Decoder(Note)


def note(msisdn: str, key: str, command: Command, asked: bytes) -> Note:
    """`asked` is the conversation before it was told that its command has to wait."""
    return Note(msisdn, key, cast("ShopCommand", command), msgspec.json.decode(asked, type=Conversation))


def add(conn: Connection, note: Note, now: datetime) -> None:
    outbox.add(
        conn,
        kind=KIND,
        payload=msgspec.to_builtins(note),
        key=f"command:{note.key}",
        ordering_key=_ordering_key(note.msisdn),
        due_at=now + FIRST,
        now=now,
    )


def is_waiting(conn: Connection, msisdn: str) -> bool:
    """Whether something that she asked for has still to be done."""
    return outbox.has_unfinished(conn, _ordering_key(msisdn))


def _ordering_key(msisdn: str) -> str:
    return f"shop:{msisdn}"
