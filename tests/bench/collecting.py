"""How fast one worker process asks buyers, settles their payments and gives money back, by a provider of 100 ms.

Each rate is compared with the possible maximum: the number of threads times the answers per second that one can get.
What is counted are payments that are captured in the books, and refunds that are done there. There are as many threads
as a worker has for these jobs (`bot.jobs.handlers.WORKERS`), in one process. "CPU ms" is what a payment takes of its
processor: on a machine that is busy with other work the shares are lower, because the process waits for it.

.venv/bin/python -m tests.bench.collecting [PAYMENTS]
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select, update

from bot.jobs.handlers import WORKERS, HandlerDispatcher
from bot.jobs.runner import JobRunner
from bot.payments import collections
from bot.payments.collections import CollectionJob
from bot.payments.refunding import RefundJob
from bot.providers import registry
from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    ChargeStatus,
    CollectorMethod,
    NotCaptured,
    Refunded,
    Refunding,
    RefundPending,
    RefundStatus,
)
from bot.runtime.clock import system_clock
from bot.services import Services, build
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import BuyerPayment, LedgerEntry, Order
from marketplace_api.orders import orders, paying
from state.tables import outbox
from tests.actors import TESTER
from tests.collecting.till import TillPayer
from tests.databases import migrated_postgres, migrated_sqlite
from tests.marketplace.conftest import register, request
from tests.servers import running_postgres

PAYMENTS = 1_000
LATENCY_S = 0.1
LIMIT_S = 600.0
"""How long a phase may take."""
AT_ONCE = 50
"""Orders that are prepared in one transaction."""


class SlowCollector:
    """A provider whose every answer takes `LATENCY_S`."""

    name = "simulator"
    method: CollectorMethod = "mpesa"
    asks_once = True

    def ask(self, charge: Charge) -> Asked | NotCaptured:
        time.sleep(LATENCY_S)
        return Asked(f"ws_{charge.id}")

    def query(self, charge: Charge, provider_id: str) -> ChargeStatus:
        time.sleep(LATENCY_S)
        return Captured(charge.amount, charge.currency, f"receipt {charge.id}")

    def close(self, charge: Charge, provider_id: str) -> ChargeStatus:
        return self.query(charge, provider_id)

    def refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        time.sleep(LATENCY_S)
        return Refunded(f"back {refunding.id}")

    def query_refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        return self.refund(refunding)


def measure(folder: Path, payments: int = PAYMENTS) -> list[dict[str, Any]]:
    """A row for each database and phase: payments a second, the share of what is possible, and CPU of the worker."""
    with running_postgres() as postgres, migrated_postgres(postgres) as postgres_url:
        return [
            {
                "what": f"{phase}, {store}",
                "per_second": round(rate, 1),
                "of_possible": round(rate * LATENCY_S / WORKERS, 2),
                "cpu_ms": round(cpu_ms, 1),
            }
            for store, url in (("SQLite", migrated_sqlite(folder / "collecting.db")), ("PostgreSQL", postgres_url))
            for phase, rate, cpu_ms in _rates(url, folder, payments)
        ]


def _rates(url: str, folder: Path, payments: int) -> Iterator[tuple[str, float, float]]:
    services = build(registry.make_settings(database_url=url, photos_dir=str(folder)), clock=system_clock)
    own, by_name = services.collecting, collections.by_name_and_method([SlowCollector()])
    asking = {collections.KIND: CollectionJob(own, by_name).run}
    refunding = {collections.REFUND: RefundJob(own, by_name, TillPayer()).run}
    try:
        _place(services, payments)
        _queue(services)
        asked = select(func.count()).where(BuyerPayment.provider_id.is_not(None))
        with _running(services, asking):
            yield "asked", *_drained(services, asked, payments)
        with services.database.writing.begin() as session:
            session.execute(update(outbox).where(outbox.c.done_at.is_(None)).values(due_at=services.clock()))
        with _running(services, asking):
            yield "settled", *_drained(services, _entries("captured"), payments)
        _cancel(services)
        _queue(services)
        with _running(services, refunding):
            yield "given back", *_drained(services, _entries("refunded"), payments)
    finally:
        services.close()


@contextmanager
def _running(services: Services, handlers: dict[str, Any]) -> Iterator[None]:
    """The jobs run as in the worker, in a thread of its own and as many workers."""
    stop = threading.Event()
    with ThreadPoolExecutor(WORKERS) as pool:
        dispatcher = HandlerDispatcher(services.clock, handlers)
        runner = JobRunner(dispatcher, services.database, services.clock, services.ids, pool)
        thread = threading.Thread(target=runner.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(LIMIT_S)


def _entries(step: str) -> Select[int]:
    """Counts the entries of the ledger that say so of a payment or a refund."""
    return select(func.count()).where(LedgerEntry.key.startswith(f"{step}:"))


def _drained(services: Services, done: Select[int], payments: int) -> tuple[float, float]:
    """Wait until `done` counts all payments; returns how many a second, and milliseconds of CPU for each."""
    begun, cpu_begun = time.monotonic(), time.process_time()
    while time.monotonic() < begun + LIMIT_S:
        with services.database.reading() as session:
            count = session.scalar(done)
        if count == payments:
            took, cpu = time.monotonic() - begun, time.process_time() - cpu_begun
            return payments / took, cpu / payments * 1e3
        time.sleep(0.1)
    raise TimeoutError(f"{count} of {payments} were done after {LIMIT_S} s")


def _place(services: Services, payments: int) -> None:
    with services.database.writing.begin() as session:
        shop = services.shop(session, TESTER)
        kiosk = kiosks.create(shop, name="Kisumu", town="Kisumu", agent_name="Juma", agent_msisdn="+254711000001")
        wares = [
            products.list_product(
                shop,
                register(shop, kiosk, f"+2547123{n:05}"),
                title="Basket",
                category="baskets",
                price=150_000,
                quantity=999,
            ).id
            for n in range(AT_ONCE)
        ]
    for first in range(0, payments, AT_ONCE):
        with services.database.writing.begin() as session:
            shop = services.shop(session, TESTER)
            for n in range(first, min(first + AT_ONCE, payments)):
                order = orders.place(shop, replace(request(), vouched=False), wares[n % AT_ONCE], 1)
                payment = paying.start_by_phone(shop, order, "+254722000222")
                payment.expires_at = shop.now.replace(year=shop.now.year + 1)  # the bench may take longer than a buyer


def _queue(services: Services) -> None:
    consumer = services.collection_consumer
    assert consumer is not None
    while consumer.consume():
        pass


def _cancel(services: Services) -> None:
    with services.database.reading() as session:
        ids = session.scalars(select(Order.id).order_by(Order.id)).all()
    for first in range(0, len(ids), AT_ONCE):
        with services.database.writing.begin() as session:
            shop = services.shop(session, TESTER)
            for order_id in ids[first : first + AT_ONCE]:
                orders.cancel(shop, orders.by_id(shop, order_id))


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"\n{'Payments at a provider of 100 ms':<38}{'a second':>9}{'of possible':>13}{'CPU ms':>9}"]
    for row in rows:
        lines.append(f"{row['what']:<38}{row['per_second']:>9.1f}{row['of_possible']:>13.2f}{row['cpu_ms']:>9.1f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(measure(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else PAYMENTS)))
