"""What people did with simulated phones since the shop began, for transcripts.

acts.note(conn, now, "+254711000111", "text", "SELL basket 1500", channel="sms")
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from bot.simulator.tables import simulated_act
from marketplace_api.models import Event

Kind = Literal["dial", "answer", "drop", "text", "picture", "pay", "refuse", "paybill", "other"]
"""`other` is something that no transcript can play; its text says what."""


def note(conn: Connection, now: datetime, msisdn: str, act: Kind, text: str = "", *, channel: str = "ussd") -> None:
    """Add an act, with the number of the last event of the shop before it."""
    after = conn.scalar(select(func.max(Event.seq))) or 0
    text = text.replace("\0", "\ufffd")  # PostgreSQL stores no NUL
    row = {"at": now, "after": after, "msisdn": msisdn, "act": act, "channel": channel, "text": text}
    conn.execute(simulated_act.insert().values(**row))
