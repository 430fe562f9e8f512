"""A thousand payouts (200 in a usual run) with faults in many exchanges: in the end both ledgers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from bot.jobs.handlers import HandlerResult
from bot.jobs.runner import JobRunner
from bot.simulator import wallet
from bot.simulator.tables import simulated_payment
from bot.worker import handler_runner
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Event, Kiosk, Payout
from marketplace_api.orders import orders, receiving
from marketplace_api.payments import audit, ledger, settlement
from marketplace_api.payments.money import BY_PHONE
from marketplace_api.shop import Shop
from state.outbox import Job
from state.tables import outbox
from tests.marketplace.conftest import register, request
from tests.payouts.fault_cases import ALL_CASES, FaultyDaraja, WorkerDiedError
from tests.runs import cases, is_full, seed
from tests.service import Service, serving

ARTISANS, ORDERS_EACH, PIECES = cases(25, least=5), 5, 8
PAYOUTS = ARTISANS * ORDERS_EACH * PIECES
OPERATOR_RETRIES = 0.5
FORGERIES = 0.05 if is_full() else 0.25
"""The chance of a forged callback in each step; a usual run has 60 steps or more, and needs every kind of forgery."""
DUE_AT = func.coalesce(outbox.c.lease_until, outbox.c.due_at)
"""When a job can be claimed: one that a dead worker holds, only after its lease has run out."""


@dataclass
class FaultRun:
    """A shop that pays, a provider with every fault, and an operator who retries failed payouts."""

    service: Service
    provider: FaultyDaraja
    runner: JobRunner[Job, HandlerResult]
    random: Random
    given_up: set[tuple[str, int]] = field(default_factory=set)

    def play(self) -> None:
        """Runs until no work is left and no callback is pending."""
        while any((self._start_payouts(), self._work(), self._operate())) or self._wait():
            pass

    def _start_payouts(self) -> bool:
        """Queues the payouts that are due, without notifications. True if there were any."""
        consumer = self.service.services.payout_consumer
        assert consumer is not None
        return consumer.consume() > 0

    def _work(self) -> bool:
        """Does what is due at this moment. True if there was anything."""
        if self.random.random() < FORGERIES:
            self.provider.post_forged_callback(*self._any_payment())
        self.provider.post_due_callbacks()
        with suppress(WorkerDiedError):
            return self.runner.step() > 0
        return True

    def _operate(self) -> bool:
        """Retries what failed by our fault and half of the others, and gives up the rest. True if any had failed."""
        with self.service.services.payout_callbacks.shop() as shop:
            failed = select(Payout).where(Payout.status == "failed").order_by(Payout.id)
            failed_now = [
                payout for payout in shop.session.scalars(failed) if (payout.id, payout.sends) not in self.given_up
            ]
            for payout in failed_now:
                if payout.fault_party == "us" or self.random.random() < OPERATOR_RETRIES:
                    settlement.retry(shop, payout.id)
                else:
                    self.given_up.add((payout.id, payout.sends))
        return bool(failed_now)

    def _wait(self) -> bool:
        """Moves the clock to the next due time. False if nothing will become due."""
        now = self.service.clock()
        with self.service.services.database.reading() as session:
            waiting = select(func.min(DUE_AT)).where(outbox.c.done_at.is_(None), now < DUE_AT)
            times = [session.scalar(waiting), *(at for at, _, _ in self.provider.unposted)]
        ahead = min((at for at in times if at), default=None)
        if ahead:
            self.service.clock.advance(ceil((ahead - now).total_seconds()))
        return ahead is not None

    def _any_payment(self) -> tuple[str, int]:
        """The id of a payment, and its whole shillings."""
        with self.service.services.database.reading() as session:
            payout = self.random.choice(session.scalars(select(Payout).order_by(Payout.id)).all())
            return payout.payment_id, payout.amount // BY_PHONE.unit

    def payouts(self) -> list[Payout]:
        with self.service.services.database.reading() as session:
            return list(session.scalars(select(Payout).order_by(Payout.id)))

    def paid_by_provider(self) -> Counter[str]:
        """What the provider paid for each payout, under all of its ids."""
        paid: Counter[str] = Counter()
        with self.service.services.database.reading() as session:
            made = select(simulated_payment.c.id, simulated_payment.c.amount).where(simulated_payment.c.code == "0")
            for payment_id, amount in session.execute(made):
                paid[payment_id.partition("-")[0]] += amount
        return paid

    def announced(self) -> Counter[str]:
        """How often each payout was announced as paid."""
        with self.service.services.database.reading() as session:
            announcements = select(Event.data).where(Event.type == "payout.paid")
            return Counter(data["id"] for data in session.scalars(announcements))


@pytest.fixture
def run(migrated_database_url: str, tmp_path: Path) -> Iterator[FaultRun]:
    """All payouts are due."""
    settings = {"database_url": migrated_database_url, "hold_above": 0}
    with serving(tmp_path, **settings) as service, ThreadPoolExecutor(max_workers=1) as pool:
        with service.services.payout_callbacks.shop() as shop:
            _create_payouts(shop)
        random = Random(seed())
        provider = FaultyDaraja(service, random)
        yield FaultRun(
            service, provider, handler_runner(service.app, service.services, pool, provider.client()), random
        )


def _create_payouts(shop: Shop) -> None:
    kiosk = kiosks.create(shop, name="Lakeside", town="Kisumu", agent_name="Juma", agent_msisdn="+254711000001")
    for number in range(ARTISANS):
        artisan = register(shop, kiosk, f"+254712{number:06}", name=f"Amina {number}", language="en")
        for each in range(ORDERS_EACH):
            _receive_goods(
                shop, kiosk, artisan, earns=BY_PHONE.most * (PIECES - 1) + (number * 100 + each + 100) * BY_PHONE.unit
            )


def _receive_goods(shop: Shop, kiosk: Kiosk, artisan: Artisan, earns: int) -> None:
    """Receives goods so expensive that they take several payments, the last of which has an amount of its own."""
    price = earns * 100 // (100 - shop.terms.commission_percent)
    ware = products.list_product(shop, artisan, title="Kiondo", category="baskets", price=price, quantity=1)
    order = orders.place(shop, request(), ware.id, 1)
    orders.accept(shop, artisan, order.code)
    receiving.receive(shop, kiosk, order.assignments[0].id, 1)


def test_all_payouts_end_as_the_provider_recorded_them_whatever_fault_occurs(run: FaultRun) -> None:
    run.play()
    ended = run.payouts()
    assert len(ended) == PAYOUTS
    assert {payout.status for payout in ended} == {"paid", "failed"}
    assert all(payout.failure for payout in ended if payout.status == "failed")
    paid = {payout.id: payout.amount for payout in ended if payout.status == "paid"}
    assert run.paid_by_provider() == paid
    assert run.announced() == dict.fromkeys(paid, 1)
    with run.service.services.payout_callbacks.shop() as shop:
        assert -ledger.balance(shop, ledger.provider_account("daraja")) == wallet.total_paid(shop.session.connection())
        assert list(audit.inconsistencies(shop)) == []
    assert {case for case in ALL_CASES if not run.provider.met[case]} == set()
