"""Payouts in any order of events: goods arrive, workers crash, callbacks come late, twice or never, methods change.

Hypothesis plays an agent, an operator, artisans, workers and a provider against one another, and crashes the process
between any two statements. After each step the ledger balances, and no artisan was paid more than they earned. In the
end every payout is settled, and the provider's books agree with ours.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
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

from bot.jobs.handlers import LEASE, HandlerDispatcher
from bot.jobs.runner import JobRunner
from bot.payments.payouts import KIND, PayoutJob
from bot.providers import registry
from bot.providers.payment_contracts import NotFound, NotPaid, Paid, PaymentCallback
from bot.runtime.clock import MovableClock
from bot.services import Services, build
from bot.worker import event_consumers
from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.lifecycles import PAYOUT
from marketplace_api.models import Artisan, Assignment, Event, Payout
from marketplace_api.orders import orders, receiving
from marketplace_api.payments import audit, cash_codes, cash_payouts, elsewhere, ledger, pausing, payouts, settlement
from marketplace_api.shop import Ids, Shop
from tests.actors import TESTER
from tests.databases import engine_for, on_new_databases
from tests.marketplace.conftest import register, request
from tests.payouts.crashing import (
    BookedPayment,
    CrashingPayer,
    CrashPoint,
    InlineExecutor,
    PayOutcome,
    ProcessCrashedError,
    QueryOutcome,
)
from tests.runs import cases, is_full, some_of
from tests.service import MONDAY

AGENT, PHONE, OTHER_PHONE = "+254711000001", "+254712345678", "+254712345679"
ARTISANS = (PHONE, "+254712345670")
MAX_PICK = 100
"""A rule picks one of several things by a number up to this."""


pay_outcomes = st.lists(st.sampled_from(get_args(PayOutcome)), min_size=1, max_size=4)
query_outcomes = st.lists(st.sampled_from(get_args(QueryOutcome)), max_size=4)
crashes = st.none() | st.integers(0, 60)
"""The number of statements, commits and calls after which the process crashes; None for no crash."""
prices = st.sampled_from([4_99, 33_33, 1800_00, 170_000_99])
"""In turn: too small to be paid, with a rest in cents, a usual price, and one that needs several payments."""


class PayoutWalk(RuleBasedStateMachine):
    """One kiosk, two artisans and a provider; after each crash there is a new worker."""

    def __init__(self, database: Callable[[], AbstractContextManager[Services]], seen: Counter[str]) -> None:
        super().__init__()
        self.kiosk_id = ""
        self.expected = 0
        self.statuses: Counter[str] = Counter()
        self.is_paused = False
        self._open = ExitStack()
        self.seen = seen
        self.services = self._open.enter_context(database())
        self.crash_point, self.receipts = CrashPoint(), itertools.count()
        self.payer = CrashingPayer(
            self.crash_point,
            lambda token, callback: self.services.payout_callbacks.on_result("bank", token, callback),
        )
        paying = PayoutJob(self.services.payout_callbacks, self.payer)
        dispatcher = HandlerDispatcher(self.services.clock, {KIND: paying.poll})
        self.job_runner = JobRunner(
            dispatcher, self.services.database, self.services.clock, self.services.ids, InlineExecutor()
        )
        for event_name in ("before_cursor_execute", "commit"):
            event.listen(self.services.engine, event_name, self.crash_point.step)

    @initialize(first=st.lists(prices, min_size=2, max_size=4))
    def open_a_kiosk(self, first: list[int]) -> None:
        with self.shop() as shop:
            kiosk = kiosks.create(shop, name="Kisumu", town="Kisumu", agent_name="Juma", agent_msisdn=AGENT)
            self.kiosk_id = kiosk.id
            for msisdn in ARTISANS:
                register(shop, kiosk, msisdn)
        for price, msisdn in zip(first, itertools.cycle(ARTISANS), strict=False):
            self.sell(msisdn, price, count=1, good=1, follows=False, crash=None)

    # -- steps of people

    @rule(
        msisdn=st.sampled_from(ARTISANS),
        price=prices,
        count=st.integers(1, 3),
        good=st.integers(1, 3),
        follows=st.booleans(),
        crash=crashes,
    )
    def sell(self, msisdn: str, price: int, count: int, good: int, follows: bool, crash: int | None) -> None:
        with self.shop() as shop:
            artisan = self.artisan(shop, msisdn)
            ware = products.list_product(shop, artisan, title="Basket", category="baskets", price=price, quantity=count)
            orders.accept(shop, artisan, orders.place(shop, request(), ware.id, count).code)
        self.bring(MAX_PICK, good, follows, crash)

    @precondition(lambda self: self.expected)
    @rule(pick=st.integers(0, MAX_PICK), good=st.integers(1, 3), follows=st.booleans(), crash=crashes)
    def bring(self, pick: int, good: int, follows: bool, crash: int | None) -> None:
        with self.may_crash(crash), self.shop() as shop:
            kiosk = kiosks.by_id(shop, self.kiosk_id)
            awaited = receiving.expected_parts(shop, kiosk)
            part = awaited[min(pick, len(awaited) - 1)]
            receiving.receive(shop, kiosk, part.id, min(good, part.quantity), follows=follows)

    @rule(msisdn=st.sampled_from(ARTISANS), to=st.sampled_from([PHONE, OTHER_PHONE, None]), crash=crashes)
    def change_payout_method(self, msisdn: str, to: str | None, crash: int | None) -> None:
        with self.may_crash(crash), self.shop() as shop:
            artisans.set_payout_method(shop, self.artisan(shop, msisdn), "mobile_money" if to else "kiosk_cash", to)

    @precondition(lambda self: self.statuses["awaiting_collection"])
    @rule(pick=st.integers(0, MAX_PICK), crash=crashes)
    def collect(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.shop() as shop:
            waiting = self.in_status(shop, "awaiting_collection")
            kiosk, code = kiosks.by_id(shop, self.kiosk_id), cash_codes.present(shop, waiting[pick % len(waiting)])
            found = cash_payouts.find(shop, kiosk, code or "")
            assert found
            cash_payouts.collect(shop, kiosk, found.id)

    @precondition(lambda self: self.statuses["failed"])
    @rule(pick=st.integers(0, MAX_PICK), crash=crashes)
    def retry(self, pick: int, crash: int | None) -> None:
        with self.may_crash(crash), self.shop() as shop:
            failed = self.in_status(shop, "failed")
            settlement.retry(shop, failed[pick % len(failed)].id)

    @precondition(lambda self: any(self.statuses[status] for status in payouts.WAITING))
    @rule(pick=st.integers(0, MAX_PICK), crash=crashes)
    def pay_by_hand(self, pick: int, crash: int | None) -> None:
        """An operator has seen that the provider did not pay, pays by hand and records the payment."""
        with self.may_crash(crash), self.shop() as shop:
            waiting = self.in_status(shop, *payouts.WAITING)
            payout = waiting[pick % len(waiting)]
            if not self.payer.has_paid(payout.payment_id):
                # it may settle another payout of the same amount, so the reference does not name this one
                amount, currency, reference = payout.amount, payout.currency, f"by hand {next(self.receipts)}"
                elsewhere.record_paid_elsewhere(shop, payout.artisan, amount, currency, reference, payout.order)

    @precondition(lambda self: self.is_paused)
    @rule()
    def resume(self) -> None:
        with self.shop() as shop:
            pausing.resume(shop)

    @rule(crash=crashes)
    def add_checkpoint(self, crash: int | None) -> None:
        with self.may_crash(crash), self.shop() as shop:
            ledger.checkpoint(shop)

    # -- steps of workers and the provider

    @rule(pay_outcomes=pay_outcomes, query_outcomes=query_outcomes, crash=crashes)
    def work(self, pay_outcomes: list[PayOutcome], query_outcomes: list[QueryOutcome], crash: int | None) -> None:
        self.payer.pay_outcomes, self.payer.query_outcomes = pay_outcomes, query_outcomes
        with self.may_crash(crash):
            self.do_what_is_due()
        self.payer.pay_outcomes, self.payer.query_outcomes = [], []

    @rule(minutes=st.sampled_from([2, 90]), pay_outcomes=pay_outcomes, query_outcomes=query_outcomes, crash=crashes)
    def work_later(
        self, minutes: float, pay_outcomes: list[PayOutcome], query_outcomes: list[QueryOutcome], crash: int | None
    ) -> None:
        self.clock.advance(minutes * 60)
        self.work(pay_outcomes, query_outcomes, crash)

    @precondition(lambda self: self.payer.unposted)
    @rule(pick=st.integers(0, MAX_PICK), once_more=st.booleans(), crash=crashes)
    def post_callback(self, pick: int, once_more: bool, crash: int | None) -> None:
        """Callbacks come in any order, and perhaps more than once. After a crash the provider does not repeat it."""
        place = pick % len(self.payer.unposted)
        token, callback = self.payer.unposted[place] if once_more else self.payer.unposted.pop(place)
        with self.may_crash(crash):
            self.services.payout_callbacks.on_result("bank", token, callback)

    @precondition(lambda self: self.payer.unposted)
    @rule(pick=st.integers(0, MAX_PICK))
    def lose_callback(self, pick: int) -> None:
        self.payer.unposted.pop(pick % len(self.payer.unposted))

    @rule(pick=st.integers(0, MAX_PICK), is_paid=st.booleans(), token=st.sampled_from(["", "guess"]))
    def forge_callback(self, pick: int, is_paid: bool, token: str) -> None:
        """A callback from outside the provider, with the id and amount of a payment, or with an unknown id."""
        booked = [*self.payer.booked.items(), ("pay_nobody", BookedPayment(1, NotFound()))]
        name, payment = booked[pick % len(booked)]
        status = Paid("FORGED", payment.amount) if is_paid else NotPaid("forged", "recipient")
        if token:
            self.services.payout_callbacks.on_result("bank", token, PaymentCallback((name,), status, status))
        else:
            self.services.payout_callbacks.on_hint("bank", [name])

    # -- invariants

    @invariant()
    def invariants_hold(self) -> None:
        if not self.kiosk_id:
            return
        with self.shop() as shop:
            assert list(audit.inconsistencies(shop)) == []
            for artisan in shop.session.scalars(select(Artisan)):
                self.no_artisan_was_paid_more_than_earned(shop, artisan)
            self.each_announced_payout_was_paid_and_announced_once(shop)
            self.note_statuses(shop)

    def no_artisan_was_paid_more_than_earned(self, shop: Shop, artisan: Artisan) -> None:
        parts = select(Assignment).where(Assignment.artisan_id == artisan.id, Assignment.status == "received")
        earned = sum(part.earns for part in shop.session.scalars(parts))
        own = shop.session.scalars(select(Payout).where(Payout.artisan_id == artisan.id))
        assert sum(self.paid_out_for(payout) for payout in own) <= earned

    def each_announced_payout_was_paid_and_announced_once(self, shop: Shop) -> None:
        announcements = select(Event.data).where(Event.type == "payout.paid")
        announced = Counter(data["id"] for data in shop.session.scalars(announcements))
        for payout in shop.session.scalars(select(Payout).where(Payout.id.in_(announced))):
            assert announced[payout.id] == 1
            assert payouts.was_paid_by_hand(payout) or self.payer.has_paid(payout.payment_id)

    def note_statuses(self, shop: Shop) -> None:
        """Stores the counts that the preconditions of the rules read."""
        self.statuses = Counter(shop.session.scalars(select(Payout.status)))
        self.is_paused = pausing.current_pause(shop) is not None
        self.expected = len(receiving.expected_parts(shop, kiosks.by_id(shop, self.kiosk_id)))
        self.seen.update(self.statuses, paused=self.is_paused)

    def teardown(self) -> None:
        """Without further faults and with retries, every payout is settled and both ledgers agree."""
        try:
            if self.kiosk_id:
                self.settle()
        finally:
            self.seen.update(self.payer.met)
            self.seen["crashed"] += self.crash_point.crashes
            self._open.close()

    def settle(self) -> None:
        self.payer.pay_outcomes, self.payer.query_outcomes = [], []
        for _ in range(20):
            with self.shop() as shop:
                pausing.resume(shop)
                for payout in self.in_status(shop, "failed"):
                    settlement.retry(shop, payout.id)
            self.clock.advance(LEASE.total_seconds() + 3600)
            self.do_what_is_due()
            while self.payer.unposted:
                self.services.payout_callbacks.on_result("bank", *self.payer.unposted.pop(0))
        self.invariants_hold()
        with self.shop() as shop:
            assert not self.in_status(shop, "failed", "pending", *payouts.IN_FLIGHT)
            assert self.payer.total_paid == -ledger.balance(shop, ledger.provider_account("bank"))
            assert ledger.balance(shop, ledger.PAYOUTS) == 0

    # -- helpers

    @property
    def clock(self) -> MovableClock:
        assert isinstance(self.services.clock, MovableClock)
        return self.services.clock

    @contextmanager
    def may_crash(self, crash: int | None) -> Iterator[None]:
        """Runs the block up to the crash."""
        self.crash_point.restart(after=crash)
        try:
            with suppress(ProcessCrashedError):
                yield
        finally:
            self.crash_point.restart()

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        with self.services.database.writing.begin() as session:
            yield self.services.shop(session, TESTER)

    def do_what_is_due(self) -> None:
        while sum(consumer.consume() for consumer in event_consumers(self.services)) + self.job_runner.step():
            pass

    def artisan(self, shop: Shop, msisdn: str) -> Artisan:
        artisan = artisans.by_msisdn(shop, msisdn)
        assert artisan is not None
        return artisan

    def in_status(self, shop: Shop, *statuses: str) -> list[Payout]:
        return list(shop.session.scalars(select(Payout).where(Payout.status.in_(statuses)).order_by(Payout.id)))

    def paid_out_for(self, payout: Payout) -> int:
        """The amount paid for a payout, according to the provider and the operator."""
        names = [name for name in self.payer.booked if name == payout.id or name.startswith(f"{payout.id}-")]
        by_phone = sum(payout.amount for name in names if self.payer.has_paid(name))
        by_hand = payout.amount if payout.order_id and payouts.was_paid_by_hand(payout) else 0
        return by_phone + by_hand


# -- databases


@contextmanager
def open_services(url: str, folder: Path) -> Iterator[Services]:
    settings = registry.make_settings(database_url=url, photos_dir=str(folder))
    services = build(
        settings, clock=MovableClock(folder / "clock", base=lambda: MONDAY), ids=Ids(Random(1)), engine=engine_for(url)
    )
    try:
        yield services
    finally:
        services.close()


def walk(database: Callable[[], AbstractContextManager[Services]], walks: int) -> Counter[str]:
    """How often each status, outcome and crash occurred on `walks` random walks."""
    seen: Counter[str] = Counter()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: PayoutWalk(database, seen),
        settings=settings(max_examples=walks, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
    return seen


ALL_OUTCOMES = frozenset({*get_args(PayOutcome), *PAYOUT.statuses, "crashed", "paused"})


@pytest.fixture(params=some_of(["sqlite", "postgresql"]))
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], AbstractContextManager[Services]]:
    """Opens the services over a new database."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    return on_new_databases(server, tmp_path, open_services)


@pytest.mark.long
def test_payouts_are_settled_in_any_order_of_events(
    database: Callable[[], AbstractContextManager[Services]],
) -> None:
    """In a full run every outcome must occur; because the walks are random, it may need more of them."""
    seen = walk(database, cases(50) if is_full() else 6)
    assert seen["crashed"]
    while is_full() and (missing := ALL_OUTCOMES - set(+seen)):
        more = walk(database, 30)
        assert missing & set(+more), f"never met: {missing}"
        seen += more
