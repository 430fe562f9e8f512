"""The last screens that a caller saw, as the session store still has them; for people who help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.conversation import session as sessions
from bot.conversation.commands import SEALED

_BEGINS = ("CON ", "END ")


@dataclass(frozen=True, slots=True)
class LastScreens:
    """The screens, oldest first, with one-time codes masked, and when the last of them was shown; None if never."""

    screens: Sequence[str] = ()
    at: datetime | None = None


def of_document(document: bytes | None) -> LastScreens:
    """The screens in a stored session; none if there is no session."""
    session = sessions.read(document)
    if session is None or not session.replies:
        return LastScreens()
    shown = (reply.partition(SEALED)[0] for reply in session.replies.values())
    screens = [reply[4:] if reply.startswith(_BEGINS) else reply for reply in shown]
    return LastScreens(screens, datetime.fromtimestamp(session.left_at, UTC) if session.left_at else None)
