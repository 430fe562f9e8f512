"""What providers report after a message was sent: its delivery, and that a recipient wants no more messages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.messaging import consent
from bot.providers.contracts import DeliveryReport
from state import delivery_reports, people


def apply(conn: Connection, report: DeliveryReport, now: datetime) -> None:
    """Move the message to the status that was reported, and store what a refusal says of the recipient's wishes.

    A status that is new to us moves nothing; the provider's own word for it is stored in any case.
    """
    message = report.provider, report.provider_id
    if report.status:
        delivery_reports.apply(conn, *message, report.status, now, report.detail, report.msisdn)
    delivery_reports.record_raw_status(conn, *message, report.raw_status)
    if report.reason and (msisdn := delivery_reports.recipient(conn, *message)):
        consent.apply_refusal(conn, msisdn, report.provider, report.reason, report.detail or "", now)


def opt_out(conn: Connection, msisdn: str, how: str, now: datetime) -> None:
    """Store that the provider was told to send this person no more messages; `how` is kept as proof."""
    people.opt_out(conn, msisdn, how, now)
