"""Stores what providers report later: the delivery of a message, and opt-outs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from bot.messaging import consent, queue
from bot.providers.contracts import DeliveryReport
from bot.providers.errors import Reason
from marketplace_api.shop import Ids
from state import delivery_reports, people
from state.delivery_reports import EarlyReport


def apply(conn: Connection, report: DeliveryReport, ids: Ids, now: datetime) -> None:
    """Set the message to the reported status, and store the opt-out if the reason is one.

    An unknown status leaves ours unchanged; the provider's own word for it is stored in any case. A message that
    WhatsApp did not take to its recipient is sent as an SMS.
    """
    message, raw = (report.provider, report.provider_id), report.raw_status
    reason = report.reason.word if report.reason else None
    if report.status:
        delivery_reports.apply(conn, *message, report.status, now, report.detail, report.msisdn, raw, reason)
    delivery_reports.record_raw_status(conn, *message, raw, report.status)
    follow(conn, [EarlyReport(*message, reason, report.detail)], ids, now)


def follow(conn: Connection, applied: Iterable[EarlyReport], ids: Ids, now: datetime) -> None:
    """Do what follows from the reasons of reports that were applied: store an opt-out, or send an SMS instead."""
    for report in applied:
        if report.reason is None:
            continue
        reported = delivery_reports.reported_message(conn, report.provider, report.provider_id)
        if reported is None:  # a stray; this follows when its message is known
            continue
        reason = Reason.of(report.reason)
        consent.apply_refusal(conn, reported.msisdn, report.provider, reason, report.error or "", now)
        if reason is Reason.NOT_BY_WHATSAPP:
            queue.repeat_by_sms(conn, reported, ids.new_id("msg"), now)


def opt_out(conn: Connection, msisdn: str, how: str, now: datetime) -> None:
    """Store an opt-out that the provider received; `how` is stored as proof."""
    people.opt_out(conn, msisdn, how, now)
