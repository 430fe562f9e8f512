"""What the page *Today* counts: orders, money, texts, requests for help, and what is wrong.

Each function reads few rows however old the shop is: those of orders that are open, and those of today.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import ColumnElement, Row, Select, func, literal, or_, select

from bot.jobs.periodic import AUDIT
from bot.messaging import queue
from marketplace_api.lifecycles import ORDER
from marketplace_api.models import (
    CollectingPause,
    HelpRequest,
    LedgerAccount,
    LedgerEntry,
    LedgerPosting,
    Order,
    WebhookEndpoint,
)
from marketplace_api.payments import balances, ledger, pausing, payouts
from marketplace_api.shop import Shop
from marketplace_api.statuses import OrderStatus
from state import counters, message_costs, outbox, schedule
from state.tables import outbox as jobs

OPEN: tuple[OrderStatus, ...] = tuple(status for status in ORDER.statuses if status not in ORDER.final)
ENDED: tuple[OrderStatus, ...] = ORDER.final
MINUTELY = "texts.unknown"
"""The name of a periodic task that runs every minute."""
LATE = timedelta(minutes=5)
"""A job or task that has been due for this long is late."""
LEAST_FREE = 0.1
"""The part of a disk that should be free."""
ALARM_RETRIES = 3
"""So many texts that are sent again and again say that a provider is down."""


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """Orders by status: all that are open, and those of the last 30 days that ended. `placed` ones came today."""

    open: Mapping[OrderStatus, int]
    ended: Mapping[OrderStatus, int]
    placed: int


@dataclass(frozen=True, slots=True)
class MoneyToday:
    """Amounts in minor units of the shop's currency: what came in and went out today, and what is held and owed now."""

    captured: int
    vouched: int
    paid_out: int
    refunded: int
    in_purses: int
    held: int
    owed: int
    to_refund: int
    storefronts_owe: int


@dataclass(frozen=True, slots=True)
class TextsToday:
    """The texts that left today, and their cost by currency; texts whose provider named no price are not in it."""

    texts: int
    segments: int
    costs: Mapping[str, Decimal]
    waiting: int


@dataclass(frozen=True, slots=True)
class HelpWaiting:
    """How many people wait for a call, and since when the first of them does."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong, what to do about it, and the endpoint of the page that shows more, if there is one."""

    title: str
    detail: str
    endpoint: str | None = None


def midnight(shop: Shop) -> datetime:
    """When today began, in the shop's time zone."""
    return shop.midnight(shop.today)


def orders(shop: Shop) -> OrderCounts:
    counts = select(Order.status, func.count()).group_by(Order.status)
    is_recent = Order.created_at >= midnight(shop) - timedelta(days=30)
    is_open = shop.session.execute(counts.where(Order.status.in_(OPEN))).all()
    has_ended = shop.session.execute(counts.where(Order.status.in_(ENDED), is_recent)).all()
    placed = select(func.count()).select_from(Order).where(Order.created_at >= midnight(shop))
    return OrderCounts(_by_status(OPEN, is_open), _by_status(ENDED, has_ended), shop.session.scalar(placed) or 0)


def _by_status(statuses: Sequence[OrderStatus], rows: Sequence[Row[OrderStatus, int]]) -> Mapping[OrderStatus, int]:
    found: dict[OrderStatus, int] = {row[0]: row[1] for row in rows}
    return {status: found.get(status, 0) for status in statuses}


def money(shop: Shop) -> MoneyToday:
    since, totals = midnight(shop), balances.totals_by_status(shop)
    storefronts = select(LedgerAccount.name).where(LedgerAccount.name.startswith(ledger.storefront_account("")))
    purses = select(literal(ledger.PURSE) + Order.id).where(Order.status.in_(OPEN))
    owed = [totals[status].sum for status in (*payouts.WAITING, *payouts.IN_FLIGHT) if status in totals]
    to_refund = ledger.balances(shop, [ledger.REFUNDS, ledger.REFUNDING])
    return MoneyToday(
        captured=-_entered(shop, since, ("captured", "exchanged"), ledger.PURSE),
        vouched=-_entered(shop, since, ("vouched",), ledger.PURSE),
        paid_out=_entered(shop, since, ("paid", "collected"), ledger.PAYOUTS, ledger.artisan_account("")),
        refunded=_entered(shop, since, ("refunded",), ledger.REFUNDING, ledger.REFUNDS),
        in_purses=-_balance(shop, purses),
        held=totals["held"].sum if "held" in totals else 0,
        owed=sum(owed),
        to_refund=-sum(to_refund.values()),
        storefronts_owe=_balance(shop, storefronts),
    )


def _entered(shop: Shop, since: datetime, kinds: Sequence[str], *accounts: str) -> int:
    """What entries of these kinds have posted since a time to accounts whose names begin like one of these."""
    is_kind = or_(*(LedgerEntry.key.startswith(f"{kind}:") for kind in kinds))
    is_account = or_(*(LedgerPosting.account.startswith(account) for account in accounts))
    posted = select(func.coalesce(func.sum(LedgerPosting.amount), 0)).join(
        LedgerEntry, LedgerEntry.id == LedgerPosting.entry_id
    )
    return int(shop.session.scalar(posted.where(LedgerEntry.at >= since, is_kind, is_account)) or 0)


def _balance(shop: Shop, accounts: Select[str]) -> int:
    rows = ledger.balance_rows(accounts).subquery()
    return int(shop.session.scalar(select(func.coalesce(func.sum(rows.c.balance), 0))) or 0)


def texts(shop: Shop) -> TextsToday:
    conn, costs = shop.session.connection(), Counter[str]()
    totals = message_costs.totals(conn, "day", since=midnight(shop), limit=20)
    spent: dict[str, Decimal] = {}
    for total in totals:
        costs["texts"] += total.texts
        costs["segments"] += total.segments
        if total.currency:
            spent[total.currency] = spent.get(total.currency, Decimal()) + total.cost
    waiting = select(func.count()).select_from(jobs).where(_is_live(), jobs.c.kind == queue.KIND)
    return TextsToday(costs["texts"], costs["segments"], spent, shop.session.scalar(waiting) or 0)


def help_waiting(shop: Shop) -> HelpWaiting:
    waiting = select(func.count(), func.min(HelpRequest.created_at)).where(HelpRequest.closed_at.is_(None))
    count, oldest_at = shop.session.execute(waiting).one()
    return HelpWaiting(count, oldest_at)


def incidents(shop: Shop, folders: Sequence[Path]) -> Sequence[Incident]:
    """What is wrong now; the disks of `folders` are looked at."""
    return [*_books(shop), *_tasks(shop), *_queue(shop), *_pauses(shop), *_webhooks(shop), *_disks(folders)]


def _books(shop: Shop) -> Iterator[Incident]:
    found = sum(count for (name, _), count in counters.read(shop.session.connection()).items() if name == AUDIT)
    if found:
        detail = f"The last audit found {found} faults. Pay nobody by hand, and run script/soko ledger check."
        yield Incident("The books do not balance", detail, "money.books")


def _tasks(shop: Shop) -> Iterator[Incident]:
    for row in schedule.find_all(shop.session.connection()):
        if row.name == MINUTELY and row.due_at <= shop.now - LATE:
            yield Incident("No worker is running", "Texts and payouts wait. Start script/worker, or the server again.")
        elif row.error:
            yield Incident(f"The task {row.name} fails", f"It was begun {row.attempts} times since it last succeeded.")


def _queue(shop: Shop) -> Iterator[Incident]:
    conn = shop.session.connection()
    depth = outbox.depth(conn, shop.now)
    if depth.oldest_due_at and depth.oldest_due_at <= shop.now - LATE:
        minutes = (shop.now - depth.oldest_due_at) // timedelta(minutes=1)
        yield Incident("The queue is late", f"{depth.due} jobs are due, the oldest for {minutes} minutes.")
    if depth.dead:
        yield Incident("Jobs were given up", f"{depth.dead} jobs failed for good. docs/operations.md says what to do.")
    failing = select(func.count()).select_from(jobs)
    failing = failing.where(_is_live(), jobs.c.kind == queue.KIND, jobs.c.error.is_not(None))
    if (retried := shop.session.scalar(failing) or 0) >= ALARM_RETRIES:
        yield Incident("A provider of texts refuses or is down", f"{retried} texts are sent again and again.")


def _pauses(shop: Shop) -> Iterator[Incident]:
    if pause := pausing.current_pause(shop):
        yield Incident("Payouts are paused", pause.reason, "money.page")
    for row in shop.session.scalars(select(CollectingPause)):
        yield Incident(f"Buyers cannot pay by {row.collector}", row.reason)


def _webhooks(shop: Shop) -> Iterator[Incident]:
    failing = select(WebhookEndpoint).where(WebhookEndpoint.failing_since.is_not(None))
    for endpoint in shop.session.scalars(failing.limit(20)):
        state = "is switched off" if endpoint.disabled_at else "does not answer"
        yield Incident("A storefront is not told", f"The webhook endpoint {endpoint.url} {state}.")


def _disks(folders: Sequence[Path]) -> Iterator[Incident]:
    for folder in folders:
        place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        usage = shutil.disk_usage(place)
        if usage.free < LEAST_FREE * usage.total:
            yield Incident("A disk is nearly full", f"{usage.free / usage.total:.0%} of the disk of {folder} is free.")


def _is_live() -> ColumnElement[bool]:
    return jobs.c.done_at.is_(None) & jobs.c.dead_at.is_(None)
