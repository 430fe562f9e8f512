"""Checks of the work: a worker runs, jobs and events do not wait, periodic tasks succeed, the books balance."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from bot.installation.checking import CheckFinding, Installation, InstallationCheck, well, wrong
from marketplace_api.actors import Actor
from marketplace_api.models import Event
from marketplace_api.payments import audit
from state import cursor, outbox, schedule

EVERY_MINUTE = "* * * * *"
WORKER_SEEN = timedelta(minutes=5)
"""A worker does several tasks each minute; a step of one may take a while."""
LONGEST_WAIT = timedelta(minutes=5)
"""For a due job and for an event, as the alerts `TextsWait` and `EventsNotConsumed` have it."""
START = "Start `script/server` or `script/worker`; the worker's log says why it stopped."
DOCTOR = Actor("job", "doctor")


def _worker(installation: Installation) -> CheckFinding:
    with installation.services.database.reading() as session:
        tasks = [row for row in schedule.find_all(session.connection()) if row.cron == EVERY_MINUTE]
    seen = max((row.done_at for row in tasks if row.done_at), default=None)
    if seen and installation.now - seen <= WORKER_SEEN:
        return well(f"a worker was busy {_ago(installation.now - seen)}")
    words = f"no worker was busy since {seen:%Y-%m-%d %H:%M} UTC" if seen else "no worker has run yet"
    if installation.settings.development:
        return well(f"development: {words}")
    return wrong(words, START)


def _ago(time: timedelta) -> str:
    return f"{max(time, timedelta()).total_seconds():.0f} s ago"


def _queue(installation: Installation) -> CheckFinding:
    with installation.services.database.reading() as session:
        depth = outbox.depth(session.connection(), installation.now)
    return _waiting(installation, depth.oldest_due_at, "job", f"{depth.due} of {depth.waiting} jobs are due")


def _events(installation: Installation) -> CheckFinding:
    """A remote marketplace keeps its events itself."""
    if not installation.services.marketplace.is_local:
        return well("not used: the marketplace is elsewhere")
    with installation.services.database.reading() as session:
        read = cursor.find(session.connection(), installation.services.notification_consumer.name) or 0
        oldest = session.scalar(select(func.min(Event.created_at)).where(Event.seq > read))
    return _waiting(installation, oldest, "event", "events are turned into texts")


def _waiting(installation: Installation, oldest: datetime | None, what: str, otherwise: str) -> CheckFinding:
    if oldest is None or installation.now - oldest <= LONGEST_WAIT:
        return well(otherwise)
    words = f"the oldest {what} has been waiting for {(installation.now - oldest).total_seconds() / 60:.0f} minutes"
    if installation.settings.development:
        return well(f"development: {words}")
    return wrong(words, f"{START} If one runs, the provider or the database is slow: see docs/operations.md.")


def _tasks(installation: Installation) -> CheckFinding:
    with installation.services.database.reading() as session:
        failing = [row for row in schedule.find_all(session.connection()) if row.error is not None]
    if failing:
        words = "; ".join(f"{row.name}: {row.error}" for row in failing[:3])
        return wrong(words, "The worker's log has the traceback. The task runs again by itself.")
    return well("none fails")


def _audit(installation: Installation) -> CheckFinding:
    with installation.services.database.snapshot() as session:
        found = list(audit.inconsistencies(installation.services.shop(session, DOCTOR)))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return wrong(f"{found[0]}{more}", "Pause payouts, then see `script/soko ledger check` and docs/operations.md.")
    return well("the books balance")


CHECKS = (
    InstallationCheck("worker", "a worker runs", _worker, needs=("schema",)),
    InstallationCheck("queue", "no job waits for long", _queue, needs=("schema",)),
    InstallationCheck("events", "events are turned into texts", _events, needs=("schema",)),
    InstallationCheck("periodic_tasks", "periodic tasks succeed", _tasks, needs=("schema",)),
    InstallationCheck("audit", "the books balance", _audit, needs=("schema",)),
)
