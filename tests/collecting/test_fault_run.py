"""Hundreds of orders (a thousand in a full run) with faults in 30 % of the exchanges, both ways: the books agree.

`script/test tests/collecting/test_fault_run.py --orders 10000 --seed 7` runs more of them, with other random choices.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from sqlalchemy import func, select

from bot.jobs.handlers import LEASE
from bot.providers.collector_contracts import PaybillNotice
from marketplace_api.models import BuyerPayment, CollectingPause, Order, Refund
from marketplace_api.orders import deadlines, orders, paying
from marketplace_api.payments import buyer_payments, refunds
from tests.collecting.crashing import AskOutcome, CrashingCollector, RefundOutcome, check_books
from tests.collecting.till import Till, open_till
from tests.payouts.crashing import CrashingPayer, CrashPoint, PayOutcome, ProcessCrashedError
from tests.runs import cases, is_full, seed

FAULTS = 0.3
"""The chance of a fault in each exchange, of a lost and of a repeated callback."""
STEP_S = 20.0
ROUNDS = 40
"""After this many steps without new orders, a day of which every hour is played."""


@dataclass
class CollectingFaultRun:
    """Buyers who pay or not, a provider and a connection with faults, and a worker that dies now and then."""

    till: Till
    random: Random
    asks_once: bool
    orders: int
    crash_point: CrashPoint = field(default_factory=CrashPoint)
    fates: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        services = self.till.services
        self.collector = CrashingCollector(self.crash_point, self.asks_once)
        self.payer = CrashingPayer(
            self.crash_point, lambda token, callback: services.payer_callbacks.on_result("bank", token, callback)
        )
        self.till.work_with(self.collector, self.payer)

    def play(self) -> None:
        for number in range(self.orders):
            self.till.order(1 + number % 3, "mpesa" if self.asks_once else "card", f"+2547{number:08}")
            if number % 10 == 9:
                self.step(STEP_S)
        for _ in range(ROUNDS):
            self.step(STEP_S)
        for _ in range(30):
            self.step(3600 + LEASE.total_seconds(), faults=False)

    def step(self, seconds: float, *, faults: bool = True) -> None:
        """Lets time pass, buyers act and jobs run."""
        self.till.pass_time(seconds)
        self._buyers_act()
        self._operator_acts(faults)
        self._post(faults)
        if faults:
            self.collector.asks = self._outcomes(AskOutcome, "asked")
            self.collector.queries = self._outcomes(None, "told")
            self.collector.refundings = self._outcomes(RefundOutcome, "refunded")
            self.payer.pay_outcomes = self._outcomes(PayOutcome, "pending")
            dies = self.random.random() < FAULTS
            self.crash_point.restart(self.random.randrange(60) if dies else None)
        with suppress(ProcessCrashedError):
            self.till.work()
        self.crash_point.restart()
        self._resume()
        self.collector.asks, self.collector.queries, self.collector.refundings = [], [], []
        self.payer.pay_outcomes = []

    def _outcomes(self, kinds: Any, usual: str) -> list[Any]:
        others = [kind for kind in get_args(kinds) if kind != "other amount"] if kinds else ["busy"]
        return [self.random.choice(others) if self.random.random() < FAULTS else usual for _ in range(30)]

    def _buyers_act(self) -> None:
        for request in [each for each in self.collector.requests if each.state == "open"]:
            fate = self.random.choice(("pay", "pay", "pay", "wait", "wait", "cancel"))
            self.fates[fate] += 1
            if fate == "pay":
                self.collector.pay(request)
            elif fate == "cancel" and self.asks_once:
                request.state = "cancelled"

    def _operator_acts(self, faults: bool) -> None:
        with self.till.shop() as shop:
            deadlines.expire_unpaid(shop)
            for refund in shop.session.scalars(select(Refund).where(Refund.status == "failed")).all():
                refunds.retry(shop, refund.id)
            placed = shop.session.scalars(select(Order).where(Order.status == "placed").order_by(Order.id)).all()
            for order in placed:
                if not faults or self.random.random() < FAULTS:
                    orders.cancel(shop, order)

    def _resume(self) -> None:
        with self.till.shop() as shop:
            for pause in shop.session.scalars(select(CollectingPause)).all():
                paying.resume_collecting(shop, pause.collector)

    def _post(self, faults: bool) -> None:
        """Posts callbacks: some are lost, some come twice. The provider tells of all money in the end."""
        services, unposted = self.till.services, self.collector.unposted
        while unposted:
            post = unposted.pop(0)
            if faults and self.random.random() < FAULTS:
                continue
            for _ in range(2 if self.random.random() < FAULTS else 1):
                post(services.collector_callbacks)  # type: ignore[arg-type]
        while self.payer.unposted:
            token, callback = self.payer.unposted.pop(0)
            if not faults or self.random.random() > FAULTS:
                services.payer_callbacks.on_result("bank", token, callback)
        if not faults:
            for money in self.collector.direct.values():
                notice = PaybillNotice(money.receipt, money.account, money.amount, None)
                services.collector_callbacks.on_paybill(self.collector.name, notice)


@pytest.mark.long
@pytest.mark.parametrize("asks_once", [True, False] if is_full() else [True])
def test_every_purse_is_closed_and_the_books_agree_with_the_provider(
    asks_once: bool, migrated_database_url: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    count = pytestconfig.option.orders or cases(1_000, least=250)
    with open_till(migrated_database_url, tmp_path) as till:
        run = CollectingFaultRun(till, Random(seed()), asks_once, count)
        run.play()
        till.check()
        with till.shop() as shop:
            unsettled = BuyerPayment.status.in_(buyer_payments.OPEN)
            assert shop.session.scalar(select(func.count()).where(unsettled)) == 0
            assert shop.session.scalar(select(func.count()).where(Refund.status != "done")) == 0
            check_books(shop, run.collector, run.payer)
            ended = Counter(shop.session.scalars(select(Order.status)))
            assert set(ended) <= {"expired", "cancelled"}
            assert ended["cancelled"] > count * FAULTS
        asked = Counter(each.charge.id for each in run.collector.requests)
        assert max(asked.values()) == 1
        assert run.crash_point.crashes
