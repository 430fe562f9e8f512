"""The state of a call after each answer, from which a call that the session store lost is rebuilt."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from flows.kit import Conversation
from state import processed


class Checkpoint(msgspec.Struct, array_like=True):
    """The state of a call after an answer: the consumed text, with secrets masked, and the conversation.

    With `is_each_stored`, every later answer of the call has a checkpoint too.
    """

    consumed: str
    conversation: Conversation
    is_each_stored: bool = False


_checkpoint = msgspec.json.Decoder(Checkpoint)


def last_checkpoint(conn: Connection, gateway_session: str, msisdn: str, since: datetime) -> Checkpoint | None:
    """The latest stored state of a call; None before the first. Used when the session store lost the call.

    What was stored before `since` is of another call, to which the gateway gave the same id.
    """
    saved = processed.last_checkpoint(conn, gateway_session, msisdn, since)
    return _checkpoint.decode(saved) if saved else None
