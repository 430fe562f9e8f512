"""A thousand payouts, and misfortune in three of ten exchanges: in the end our books are the provider's."""

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
from tests.payouts.fault_cases import KINDS, DiedError, UnluckyBank
from tests.service import Service, serving

ARTISANS, ORDERS_EACH, PIECES = 25, 5, 8
PAYOUTS = ARTISANS * ORDERS_EACH * PIECES
OPERATOR_TRIES_AGAIN = 0.5
FORGERIES = 0.05
DUE_AT = func.coalesce(outbox.c.lease_until, outbox.c.due_at)
"""When a job may be claimed: what a dead worker holds is not due before its lease has run out."""


@dataclass
class Run:
    """A shop that pays, a bank that does as chance has it, and an operator who looks after payouts."""

    service: Service
    bank: UnluckyBank
    runner: JobRunner[Job, HandlerResult]
    random: Random
    given_up: set[tuple[str, int]] = field(default_factory=set)

    def play(self) -> None:
        """Until nothing is left to do, and nothing more will be said."""
        while any((self._follow(), self._work(), self._operate())) or self._wait():
            pass

    def _follow(self) -> bool:
        """Start the payouts that are due; nobody is told anything."""
        consumer = self.service.services.payout_consumer
        assert consumer is not None
        return consumer.consume() > 0

    def _work(self) -> bool:
        """One look at what is due at this moment; whether there was anything."""
        if self.random.random() < FORGERIES:
            self.bank.forge(self._any_payment())
        self.bank.speak()
        with suppress(DiedError):
            return self.runner.step() > 0
        return True

    def _operate(self) -> bool:
        """What was our fault is mended and sent again; of the rest some is, and some is given up."""
        with self.service.services.payout_callbacks.shop() as shop:
            failed = select(Payout).where(Payout.status == "failed").order_by(Payout.id)
            known = [
                payout for payout in shop.session.scalars(failed) if (payout.id, payout.sends) not in self.given_up
            ]
            for payout in known:
                if payout.fault_party == "us" or self.random.random() < OPERATOR_TRIES_AGAIN:
                    settlement.retry(shop, payout.id)
                else:
                    self.given_up.add((payout.id, payout.sends))
        return bool(known)

    def _wait(self) -> bool:
        """Lets the time pass until something is due; False when nothing ever will be."""
        now = self.service.clock()
        with self.service.services.database.reading() as session:
            waiting = select(func.min(DUE_AT)).where(outbox.c.done_at.is_(None), now < DUE_AT)
            times = [session.scalar(waiting), *(at for at, _, _ in self.bank.owed)]
        ahead = min((at for at in times if at), default=None)
        if ahead:
            self.service.clock.advance(ceil((ahead - now).total_seconds()))
        return ahead is not None

    def _any_payment(self) -> str:
        with self.service.services.database.reading() as session:
            return self.random.choice(session.scalars(select(Payout.payment_id).order_by(Payout.id)).all())

    def payouts(self) -> list[Payout]:
        with self.service.services.database.reading() as session:
            return list(session.scalars(select(Payout).order_by(Payout.id)))

    def paid_by_the_bank(self) -> Counter[str]:
        """What left for each payout, under whatever id it was asked for."""
        paid: Counter[str] = Counter()
        with self.service.services.database.reading() as session:
            made = select(simulated_payment.c.id, simulated_payment.c.amount).where(simulated_payment.c.code == "0")
            for payment_id, amount in session.execute(made):
                paid[payment_id.partition("-")[0]] += amount
        return paid

    def announced(self) -> Counter[str]:
        """How often it was announced of each payout that it is paid."""
        with self.service.services.database.reading() as session:
            told = select(Event.data).where(Event.type == "payout.paid")
            return Counter(data["id"] for data in session.scalars(told))


@pytest.fixture
def run(migrated_database_url: str, tmp_path: Path) -> Iterator[Run]:
    """A thousand payouts are due."""
    with serving(tmp_path, database_url=migrated_database_url) as service, ThreadPoolExecutor(max_workers=1) as pool:
        with service.services.payout_callbacks.shop() as shop:
            _fall_due(shop)
        random = Random(2026)
        bank = UnluckyBank(service, random)
        yield Run(service, bank, handler_runner(service.app, service.services, pool, bank.client()), random)


def _fall_due(shop: Shop) -> None:
    kiosk = kiosks.create(shop, name="Lakeside", town="Kisumu", agent_name="Juma", agent_msisdn="+254711000001")
    for number in range(ARTISANS):
        artisan = register(shop, kiosk, f"+254712{number:06}", name=f"Amina {number}", language="en")
        for each in range(ORDERS_EACH):
            _bring(
                shop, kiosk, artisan, earns=BY_PHONE.most * (PIECES - 1) + (number * 100 + each + 100) * BY_PHONE.unit
            )


def _bring(shop: Shop, kiosk: Kiosk, artisan: Artisan, earns: int) -> None:
    """Something dear enough that it is paid in pieces, the last of them like no other."""
    price = earns * 100 // (100 - shop.terms.commission_percent)
    ware = products.list_product(shop, artisan, title="Kiondo", category="baskets", price=price, quantity=1)
    order = orders.place(shop, request(), ware.id, 1)
    orders.accept(shop, artisan, order.code)
    receiving.receive(shop, kiosk, order.assignments[0].id, 1)


def test_a_thousand_payouts_end_as_the_provider_has_them_whatever_befalls_on_the_way(run: Run) -> None:
    run.play()
    ended = run.payouts()
    assert len(ended) == PAYOUTS
    assert {payout.status for payout in ended} == {"paid", "failed"}
    assert all(payout.failure for payout in ended if payout.status == "failed")
    paid = {payout.id: payout.amount for payout in ended if payout.status == "paid"}
    assert run.paid_by_the_bank() == paid
    assert run.announced() == dict.fromkeys(paid, 1)
    with run.service.services.payout_callbacks.shop() as shop:
        assert -ledger.balance(shop, ledger.provider_account("daraja")) == wallet.total_paid(shop.session.connection())
        assert list(audit.inconsistencies(shop)) == []
    assert {kind for kind in KINDS if not run.bank.befell[kind]} == set()
