"""What the periodic tasks do; `bot.worker` sets their times."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from marketplace_api.payments import audit as ledger_audit
from marketplace_api.shop import OpenShop, Shop
from state import budgets, counters, delivery_reports, dialogue_counts, messages, outbox
from state.delivery_reports import EarlyReport
from state.sessions import Sessions
from state.sql_sessions import SqlSessions

log = logging.getLogger(__name__)

REPORT_TAKES = timedelta(hours=1)
"""How long after a send its delivery report may still come."""
AUDIT = "audit"
"""The stored name of the results of the audit: by check, how many inconsistencies it found."""
KEPT = timedelta(days=14)
"""How long finished jobs and their keys are kept: longer than any provider repeats a request."""

DIALOGUES_COUNTED = timedelta(days=400)
"""How long the counts of a day's hops are kept."""

CODES_KEPT = timedelta(days=1)
"""How long the codes of a text by WhatsApp are kept, sealed, in case it has to be sent as an SMS."""


def in_chunks(database: Database, open_shop: OpenShop, step: Callable[[Shop], int]) -> None:
    """Call `step` until it returns 0, which means that nothing is left to do; each call has its own transaction."""
    while True:
        with database.writing.begin() as db:
            if not step(open_shop(db)):
                return


def audit(database: Database, open_shop: OpenShop) -> None:
    """Check the books, in one snapshot of the database, and store for each check whether it found nothing."""
    with database.snapshot() as db:
        checks = ledger_audit.checks(open_shop(db))
    for check in checks:
        for inconsistency in check.inconsistencies:
            log.error("the books are wrong: %s", inconsistency)
    with database.writing.begin() as db:
        counters.store(db.connection(), AUDIT, {check.name: len(check.inconsistencies) for check in checks})


def settle_unknown(
    database: Database, clock: Clock, follow: Callable[[Connection, Sequence[EarlyReport]], None]
) -> None:
    """Mark messages without a report as unconfirmed; operators see them at `GET /messages?status=unknown`.

    `follow` does what follows from the reports that are found.
    """
    with database.writing.begin() as db:
        follow(db.connection(), delivery_reports.confirm_unknown(db.connection()))
        ids = delivery_reports.mark_unconfirmed(db.connection(), clock() - REPORT_TAKES)
    if ids:
        log.error("it is not known whether these messages were sent", extra={"message_ids": ids})


def sweep_outbox(database: Database, clock: Clock) -> None:
    """Delete finished jobs and stray delivery reports that are older than `KEPT`, and budgets that have ended.

    Deletes old counts of hops, and erases the one-time codes of texts that nothing else has erased.
    """
    before = clock() - KEPT
    with database.writing.begin() as db:
        budgets.sweep(db.connection(), clock().timestamp())
        outbox.sweep(db.connection(), before)
        messages.erase_codes(db.connection(), clock() - CODES_KEPT)
        delivery_reports.sweep(db.connection(), before)
        dialogue_counts.sweep(db.connection(), (clock() - DIALOGUES_COUNTED).date())


def sweep_sessions(sessions: Sessions, clock: Clock) -> None:
    """Delete expired sessions in SQL; Redis deletes them by itself."""
    if isinstance(sessions, SqlSessions):
        sessions.sweep(clock().timestamp())
