"""Jobs about a payout, a buyer's payment or a refund: how they are queued, brought forward and run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from marketplace_api.backoff import Backoff
from marketplace_api.events import events
from marketplace_api.models import Event
from marketplace_api.shop import OpenShop, Shop
from state import budgets, outbox
from state.budgets import Use
from state.outbox import Job

HINTS = Backoff.doubling(timedelta(seconds=10), timedelta(hours=1))
"""The shortest gaps between two hints that are followed, by the age of what they are about."""


@dataclass(frozen=True, slots=True)
class OwnShop:
    """Opens our own shop in transactions of its own."""

    database: Database
    open_shop: OpenShop

    @contextmanager
    def writing(self) -> Iterator[Shop]:
        """The shop for one transaction."""
        with self.database.writing.begin() as session:
            yield self.open_shop(session)


def consumer(name: str, own: OwnShop, take: Callable[[Session, Event], None]) -> EventConsumer[Event]:
    """A consumer of our own shop's events; its position is stored as `name`."""

    def since(after: int, limit: int) -> Sequence[tuple[int, Event]]:
        with own.database.reading() as session:
            return [(event.seq, event) for event in events.since(own.open_shop(session), after, limit)]

    return EventConsumer(name, since, take, own.database)


def queue(conn: Connection, kind: str, about: str, key: str, now: datetime, *, hinted: bool = False) -> None:
    """Queue a job about the row with the id `about`, due now, once for each `key`. Those of one row run one by one."""
    run_now(conn, kind, about, now)
    payload, ordering_key = {"id": about, "hinted": hinted}, _ordering_key(kind, about)
    outbox.add(conn, kind=kind, payload=payload, key=f"{kind}:{key}", ordering_key=ordering_key, due_at=now, now=now)


def run_now(conn: Connection, kind: str, about: str, now: datetime) -> None:
    """Make the waiting jobs about the row due now."""
    outbox.run_now(conn, _ordering_key(kind, about), due_at=now)


def has_job(conn: Connection, kind: str, about: str) -> bool:
    """True if a job about the row is not finished."""
    return outbox.has_unfinished(conn, _ordering_key(kind, about))


def may_follow_hint(conn: Connection, about: str, since: datetime, now: datetime) -> bool:
    """True once for each gap, which grows with the age of the row, so that hints cause few queries more than ours."""
    gap = min(max(now - since, HINTS.shortest), HINTS.longest)
    return budgets.spend(conn, Use(f"hint:{about}", 1, gap.total_seconds()), now.timestamp()).total == 1


def poll_again(shop: Shop, job: Job, due_at: datetime, reason: str) -> None:
    """Run the job again at `due_at`; the gaps grow with the number of such runs."""
    outbox.poll_again(shop.session.connection(), job, due_at=due_at, error=reason)


def postpone(shop: Shop, job: Job, after: timedelta, reason: str) -> None:
    """Run the job again later, as if it had not run now."""
    outbox.postpone(shop.session.connection(), job, due_at=shop.now + after, error=reason)


def finish(shop: Shop, job: Job) -> None:
    """Finish the job."""
    outbox.finish(shop.session.connection(), job, now=shop.now)


def _ordering_key(kind: str, about: str) -> str:
    return f"{kind}:{about}"
