"""Payments and refunds in any order of events: callbacks come late, twice or never, and workers crash.

Hypothesis plays buyers, an artisan, an agent, an operator, workers and a provider against one another, and crashes the
process between any two statements. After each step the books hold. In the end every payment and refund is settled, the
provider's books agree with ours, and every buyer has paid once for what came and for nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, select

from bot.jobs.handlers import LEASE
from bot.providers.collector_contracts import Captured, PaybillNotice, Refunded
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, BuyerPayment, CollectingPause, Kiosk, Order, Refund
from marketplace_api.orders import closing, deadlines, direct_payments, orders, paying, receiving
from marketplace_api.payments import buyer_payments, ledger, refunds
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.collecting.crashing import AskOutcome, CrashingCollector, QueryOutcome, RefundOutcome, check_books
from tests.collecting.till import BUYER, PRICE, Till, open_till
from tests.databases import on_new_databases
from tests.marketplace.conftest import request
from tests.payouts.crashing import CrashingPayer, CrashPoint, PayOutcome, ProcessCrashedError
from tests.runs import cases, some_of

MAX_PICK = 50
"""A rule picks one of several things by a number up to this."""
OTHER_PHONE = "+254733000333"
ANY_STATUS = ("unpaid", "placed", "accepted", "expired", "cancelled")
"""Of orders for which somebody may pay without a prompt."""
picks = st.integers(0, MAX_PICK)
crashes = st.none() | st.integers(0, 80)
"""The number of statements, commits and calls after which the process crashes; None for no crash."""
asks = st.lists(st.sampled_from(get_args(AskOutcome)), max_size=3)
queries = st.lists(st.sampled_from(get_args(QueryOutcome)), max_size=3)
refundings = st.lists(st.sampled_from(get_args(RefundOutcome)), max_size=3)
pays = st.lists(st.sampled_from([each for each in get_args(PayOutcome) if each != "other amount"]), max_size=3)


class CollectingWalk(RuleBasedStateMachine):
    """A shop, its buyers and a provider; after each crash there is a new worker."""

    def __init__(
        self, database: Callable[[], AbstractContextManager[Till]], asks_once: bool, seen: Counter[str]
    ) -> None:
        super().__init__()
        self._open, self.seen, self.asks_once = ExitStack(), seen, asks_once
        self.till = self._open.enter_context(database())
        services = self.till.services
        self.crash_point = CrashPoint()
        self.collector = CrashingCollector(self.crash_point, asks_once, post=services.collector_callbacks)  # type: ignore[arg-type]
        self.payer = CrashingPayer(
            self.crash_point, lambda token, callback: services.payer_callbacks.on_result("bank", token, callback)
        )
        self.till.work_with(self.collector, self.payer)
        for event_name in ("before_cursor_execute", "commit"):
            event.listen(services.engine, event_name, self.crash_point.step)

    @initialize()
    def open_the_shop(self) -> None:
        for quantity in (1, 2, 3):
            self.place(quantity, None)
        self.till.work()
        self.pay(0)

    # -- buyers

    @rule(quantity=st.integers(1, 3), crash=crashes)
    def place(self, quantity: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            order = orders.place(shop, replace(request(), vouched=False), self.till.product_id, quantity)
            self.start(shop, order)

    def start(self, shop: Shop, order: Order) -> None:
        if self.asks_once:
            paying.start_by_phone(shop, order, BUYER)
        else:
            paying.start_by_card(shop, order, "KES", "https://shop.example/o/1")

    @rule(pick=picks, crash=crashes)
    def try_again(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            if order := self.pick_order(shop, pick, "unpaid"):
                self.start(shop, order)

    @rule(pick=picks)
    def pay(self, pick: int) -> None:
        open_requests = [each for each in self.collector.requests if each.state == "open"]
        if open_requests:
            self.collector.pay(open_requests[pick % len(open_requests)])

    @rule(pick=picks)
    def cancel_at_the_provider(self, pick: int) -> None:
        open_requests = [each for each in self.collector.requests if each.state == "open"]
        if open_requests and self.asks_once:
            open_requests[pick % len(open_requests)].state = "cancelled"

    @precondition(lambda self: self.asks_once)
    @rule(pick=picks, phone=st.sampled_from([BUYER, OTHER_PHONE]), less=st.sampled_from([0, 0, 100]), crash=crashes)
    def pay_by_paybill(self, pick: int, phone: str, less: int, crash: int | None) -> None:
        with self.till.shop() as shop:
            order = self.pick_order(shop, pick, *ANY_STATUS)
            account, amount = (order.code, order.total - less) if order else ("nobody", PRICE)
        receipt = self.collector.pay_directly(amount, account, phone)
        self.notice(receipt, crash)

    def notice(self, receipt: str, crash: int | None) -> None:
        money = self.collector.direct[receipt]
        with self.may_crash(crash):
            self.till.services.collector_callbacks.on_paybill(
                self.collector.name, PaybillNotice(receipt, money.account, money.amount, None)
            )

    @precondition(lambda self: not self.asks_once)
    @rule(pick=picks, end=st.sampled_from(["open", "won", "lost"]), crash=crashes)
    def dispute(self, pick: int, end: str, crash: int | None) -> None:
        paid = [
            each
            for each in self.collector.requests
            if each.state == "paid" and each.disputed in (None, "open") and self.is_not_given_back(each.receipt)
        ]
        if paid:
            disputed = paid[pick % len(paid)]
            disputed.disputed = end  # type: ignore[assignment]
            with self.may_crash(crash):
                event_id = f"evt_{disputed.receipt}_{end}"
                self.till.services.collector_callbacks.on_hint(self.collector.name, disputed.receipt, event_id)

    def is_not_given_back(self, receipt: str) -> bool:
        """A bank does not let a buyer dispute what was refunded, so the walk does not either."""
        with self.till.shop() as shop:
            payment = buyer_payments.by_provider_id(shop, self.collector.name, receipt)
            return payment is not None and payment.captured_at is not None and not payment.refunds

    # -- the shop

    @rule(pick=picks, crash=crashes)
    def cancel(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            if order := self.pick_order(shop, pick, "unpaid", "placed"):
                orders.cancel(shop, order)

    @rule(pick=picks, quantity=st.integers(1, 3), crash=crashes)
    def accept(self, pick: int, quantity: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            if order := self.pick_order(shop, pick, "placed"):
                orders.accept(shop, shop.session.scalars(select(Artisan)).one(), order.code, quantity)

    @rule(pick=picks, crash=crashes)
    def release(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            if order := self.pick_order(shop, pick, "accepted"):
                orders.release(shop, shop.session.scalars(select(Artisan)).one(), order.code)

    @rule(pick=picks, count=st.integers(0, 3), follows=st.booleans(), crash=crashes)
    def receive(self, pick: int, count: int, follows: bool, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            kiosk = shop.session.scalars(select(Kiosk)).one()
            if expected := receiving.expected_parts(shop, kiosks.by_id(shop, kiosk.id)):
                part = expected[pick % len(expected)]
                receiving.receive(shop, kiosk, part.id, min(count, part.quantity), follows=follows)

    @rule(pick=picks, crash=crashes)
    def void(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            if order := self.pick_order(shop, pick, "accepted", "at_kiosk"):
                closing.void(shop, order, "not wanted")

    @rule(pick=picks, crash=crashes)
    def ship(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            if order := self.pick_order(shop, pick, "at_kiosk"):
                orders.ship(shop, order, "DHL", "1")

    # -- an operator

    @rule(pick=picks, amount=st.sampled_from([50, 100_00, PRICE]), crash=crashes)
    def give_back(self, pick: int, amount: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            captured = shop.session.scalars(select(BuyerPayment).where(BuyerPayment.status == "captured")).all()
            if captured:
                paying.give_back(shop, captured[pick % len(captured)].id, amount)

    @rule(pick=picks, crash=crashes)
    def retry(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            failed = shop.session.scalars(select(Refund).where(Refund.status == "failed")).all()
            if failed:
                refunds.retry(shop, failed[pick % len(failed)].id)

    @rule()
    def resume(self) -> None:
        with self.till.shop() as shop:
            for pause in shop.session.scalars(select(CollectingPause)):
                paying.resume_collecting(shop, pause.collector)

    @rule(pick=picks, assigned=st.booleans(), crash=crashes)
    def decide_about_unmatched_money(self, pick: int, assigned: bool, crash: int | None) -> None:
        with self.may_crash(crash), self.till.shop() as shop:
            order = self.pick_order(shop, pick, *ANY_STATUS)
            for money in direct_payments.in_status(shop, "unmatched")[:1]:
                if assigned and order:
                    direct_payments.assign(shop, money.id, order)
                    return

    # -- workers, the provider and strangers

    @rule(asks=asks, queries=queries, refundings=refundings, pays=pays, crash=crashes)
    def work(
        self,
        asks: list[AskOutcome],
        queries: list[QueryOutcome],
        refundings: list[RefundOutcome],
        pays: list[PayOutcome],
        crash: int | None,
    ) -> None:
        self.collector.asks, self.collector.queries, self.collector.refundings = asks, queries, refundings
        self.payer.pay_outcomes = pays
        with self.may_crash(crash):
            self.till.work()
        self.collector.asks, self.collector.queries, self.collector.refundings = [], [], []
        self.payer.pay_outcomes = []

    @rule(
        seconds=st.sampled_from([10, 200, 1000, 4000]),
        asks=asks,
        queries=queries,
        refundings=refundings,
        pays=pays,
        crash=crashes,
    )
    def work_later(
        self,
        seconds: float,
        asks: list[AskOutcome],
        queries: list[QueryOutcome],
        refundings: list[RefundOutcome],
        pays: list[PayOutcome],
        crash: int | None,
    ) -> None:
        self.till.pass_time(seconds)
        with self.till.shop() as shop:
            deadlines.expire_unpaid(shop)
        self.work(asks, queries, refundings, pays, crash)

    @rule(pick=picks, once_more=st.booleans(), crash=crashes)
    def post_callback(self, pick: int, once_more: bool, crash: int | None) -> None:
        """Callbacks come in any order, and perhaps more than once. After a crash the provider does not repeat it."""
        for unposted in (self.collector.unposted, self.payer.unposted):
            if not unposted:
                continue
            place = pick % len(unposted)
            each = unposted[place] if once_more else unposted.pop(place)
            with self.may_crash(crash):
                if callable(each):
                    each(self.till.services.collector_callbacks)  # type: ignore[arg-type]
                else:
                    self.till.services.payer_callbacks.on_result("bank", *each)

    @rule(pick=picks)
    def lose_callback(self, pick: int) -> None:
        for unposted in (self.collector.unposted, self.payer.unposted):
            if unposted:
                unposted.pop(pick % len(unposted))

    @rule(pick=picks)
    def forge(self, pick: int) -> None:
        """A stranger posts that something was paid, with ids that others may know and tokens that nobody knows."""
        callbacks = self.till.services.collector_callbacks
        callbacks.on_charge("guess", Captured(PRICE, "KES", "FORGED"), "ws_0")
        callbacks.on_answer("guess", Refunded("FORGED"))
        callbacks.on_paybill(self.collector.name, PaybillNotice(f"FORGED{pick}", "K7P4", PRICE, None))
        if self.collector.requests:
            provider_id = self.collector.requests[pick % len(self.collector.requests)].provider_id
            callbacks.on_hint(self.collector.name, provider_id)

    # -- invariants

    @invariant()
    def the_books_hold(self) -> None:
        self.till.check()
        with self.till.shop() as shop:
            payments = shop.session.scalars(select(BuyerPayment)).all()
            all_refunds = shop.session.scalars(select(Refund)).all()
            self.seen.update([payment.status for payment in payments])
            self.seen.update([f"refund {refund.status}" for refund in all_refunds])
        asked = Counter(each.charge.id for each in self.collector.requests)
        assert all(count == 1 for count in asked.values()), "a buyer was asked twice"

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.seen.update(self.collector.met)
            self.seen["crashed"] += self.crash_point.crashes
            self._open.close()

    def settle(self) -> None:
        """Without further faults everything is settled, and the provider's books are ours."""
        for booked in self.collector.requests:
            if booked.disputed == "open":
                booked.disputed = "won"
        for _ in range(12):
            self.resume()
            self.close_orders()
            with self.till.shop() as shop:
                for refund in shop.session.scalars(select(Refund).where(Refund.status == "failed")):
                    refunds.retry(shop, refund.id)
                deadlines.expire_unpaid(shop)
            for receipt in self.collector.direct:  # the provider tells of all money that came to the paybill number
                self.notice(receipt, None)
            self.till.pass_time(LEASE.total_seconds() + 4000)
            self.till.work()
            while self.collector.unposted:
                self.collector.unposted.pop(0)(self.till.services.collector_callbacks)  # type: ignore[arg-type]
            while self.payer.unposted:
                self.till.services.payer_callbacks.on_result("bank", *self.payer.unposted.pop(0))
            self.till.work()
        self.the_books_hold()
        with self.till.shop() as shop:
            open_payments = BuyerPayment.status.in_((*buyer_payments.OPEN, "disputed"))
            assert shop.session.scalars(select(BuyerPayment).where(open_payments)).all() == []
            assert shop.session.scalars(select(Refund).where(Refund.status.in_(refunds.OPEN))).all() == []
            assert ledger.balance(shop, ledger.REFUNDS) == ledger.balance(shop, ledger.REFUNDING) == 0
            check_books(shop, self.collector, self.payer)

    def close_orders(self) -> None:
        """Cancels what may be cancelled and voids the rest, so that every purse is closed."""
        with self.till.shop() as shop:
            for order in shop.session.scalars(select(Order).order_by(Order.id)).all():
                if order.status == "placed":
                    with suppress(Refused):
                        orders.cancel(shop, order)
                if order.status == "placed":
                    orders.expire(shop, order)
                if order.status in ("accepted", "at_kiosk"):
                    closing.void(shop, order, "not wanted")

    # -- helpers

    @contextmanager
    def may_crash(self, crash: int | None) -> Iterator[None]:
        """Runs the block up to the crash; what the shop refuses changes nothing."""
        self.crash_point.restart(after=crash)
        with suppress(ProcessCrashedError, Refused):
            yield
        self.crash_point.restart()

    def pick_order(self, shop: Shop, pick: int, *statuses: str) -> Order | None:
        found = shop.session.scalars(select(Order).where(Order.status.in_(statuses)).order_by(Order.id)).all()
        return found[pick % len(found)] if found else None


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], AbstractContextManager[Till]]:
    """Opens a till over a new database."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    return on_new_databases(server, tmp_path, open_till)


SHOPS = (
    pytest.param("sqlite", True, id="sqlite-as M-PESA"),
    pytest.param("sqlite", False, id="sqlite-as Stripe"),
    pytest.param("postgresql", True, id="postgresql-as M-PESA"),
    pytest.param("postgresql", False, id="postgresql-as Stripe"),
)


@pytest.mark.long
@pytest.mark.parametrize(("database", "asks_once"), some_of(SHOPS), indirect=["database"])
def test_payments_and_refunds_are_settled_in_any_order_of_events(
    database: Callable[[], AbstractContextManager[Till]], asks_once: bool
) -> None:
    seen: Counter[str] = Counter()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: CollectingWalk(database, asks_once, seen),
        settings=settings(
            max_examples=cases(40, least=6), stateful_step_count=30, suppress_health_check=list(HealthCheck)
        ),
    )
    assert seen["crashed"]
    assert seen["captured"]
    assert seen["refund done"]
