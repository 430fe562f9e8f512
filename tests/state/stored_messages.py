"""Messages put into the states that the tests of `state` need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from state import messages, sending
from state.messages import ReportedStatus
from state.sending import AcceptedMessage

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
REPORTS: list[ReportedStatus] = ["sending", "sent", "delivered"]
AMINA, JUMA = "+254711000001", "+254711000002"
AT = "africastalking"


def queue(conn: Connection, id: str = "msg_1", msisdn: str = AMINA, **more: Any) -> None:
    values = {"channel": "sms", "text": "Your code is K7P4", "encoding": "GSM-7", "segments": 1, "now": NOW}
    messages.add_outgoing(conn, id=id, msisdn=msisdn, **{**values, **more})


def receive(conn: Connection, id: str = "msg_1", provider_id: str = "ATXid_1", **more: Any) -> bool:
    values = {"channel": "sms", "text": "SELL", "encoding": "GSM-7", "segments": 1, "now": NOW}
    provider = {"provider": AT, "provider_id": provider_id}
    return messages.add_inbound(conn, id=id, msisdn=AMINA, **{**values, **provider, **more})


def accept(conn: Connection, id: str = "msg_1", provider_id: str | None = "ATXid_1") -> None:
    sending.accept(conn, [AcceptedMessage(id, AT, provider_id, "KES 0.8000")], NOW)


def start(conn: Connection, id: str = "msg_1", now: datetime = NOW) -> str:
    """Start sending a message; returns its status after that."""
    sending.start(conn, [id], now)
    return status_of(conn, id)


def status_of(conn: Connection, id: str = "msg_1") -> str:
    found = messages.find(conn, id)
    assert found
    return found.status


def lose(conn: Connection, id: str = "msg_1", msisdn: str = AMINA, at: datetime = NOW) -> None:
    """Store a message that was sent and whose answer we did not get."""
    queue(conn, id, msisdn)
    sending.start(conn, [id], at)
    sending.mark_unknown(conn, id, error="no_answer", provider=AT)
