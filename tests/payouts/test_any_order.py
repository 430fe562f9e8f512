"""Money in whatever order things happen: goods come, workers die, providers lie late and twice, minds are changed.

Hypothesis plays an agent, an operator, artisans, workers and a provider against one another, and pulls the plug between
any two statements. After every step the books balance, and nobody has been paid more than she earned; in the end
everything is settled, and the provider's own book says what ours says.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

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
from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason
from bot.providers.payment_contracts import (
    NotFound,
    NotPaid,
    Paid,
    Payment,
    PaymentCallback,
    PaymentStatus,
    Pending,
)
from bot.runtime.clock import MovableClock
from bot.services import Services, build
from bot.worker import event_consumers
from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.lifecycles import PAYOUT
from marketplace_api.models import Artisan, Assignment, Event, Payout
from marketplace_api.orders import orders, receiving
from marketplace_api.payments import audit, cash_payouts, elsewhere, ledger, pausing, payouts, settlement
from marketplace_api.shop import Ids, Shop
from tests import servers
from tests.databases import migrated_postgres, migrated_sqlite
from tests.marketplace.conftest import register, request
from tests.service import MONDAY

AGENT, PHONE, OTHER_PHONE = "+254711000001", "+254712345678", "+254712345679"
MAKERS = (PHONE, "+254712345670")
FOREVER = 100

Fate = Literal["in hand", "at once", "early", "fails", "no float", "refused", "lost", "lost too soon", "busy", "short"]
"""What comes of asking to be paid; `lost` is the answer, and what is lost `too soon` was never heard."""
Reply = Literal["later", "at once", "busy"]
"""What comes of asking what became of it."""


class PlugPulled(BaseException):
    """The process is gone, between two statements or before a commit."""


@dataclass
class Plug:
    """Pulled after so many statements, commits and calls; not at all when it is None. Then nothing works any more."""

    after: int | None = None
    is_out: bool = False
    pulled: int = 0

    def moment(self, *_: object, **__: object) -> None:
        if self.after == 0 and not self.is_out:
            self.is_out, self.pulled = True, self.pulled + 1
        if self.is_out:
            raise PlugPulled
        if self.after is not None:
            self.after -= 1

    def put_in(self, after: int | None = None) -> None:
        self.after, self.is_out = after, False


class OneHand(ThreadPoolExecutor):
    """Does what it is given at once and in order, so that the same steps always lead to the same end."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


@dataclass(frozen=True, slots=True)
class Entry:
    """A payment in the provider's book."""

    amount: int
    word: PaymentStatus


@dataclass
class Provider:
    """A provider with a book: one entry for a name, for ever. What it still has to say waits in `owed`."""

    plug: Plug
    hear: Callable[[PaymentCallback], None]
    name: str = "bank"
    fates: list[Fate] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    book: dict[str, Entry] = field(default_factory=dict)
    owed: list[PaymentCallback] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    _questions: Iterator[int] = field(default_factory=itertools.count)

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        self.plug.moment()
        fate: Fate = self.fates.pop(0) if self.fates else "in hand"
        self.met[fate] += 1
        if fate == "busy":
            raise PaymentError(Reason.THROTTLED, "busy")
        if fate == "lost too soon":
            raise PaymentError(Reason.NO_ANSWER)
        if payment.id in self.book:
            raise DuplicatePaymentError()
        if fate == "refused":
            return NotPaid("no such number", "recipient")
        word = self._enter(payment, fate)
        self.plug.moment()
        match fate:
            case "at once":
                return word
            case "early":
                self.hear(self._report(payment.id, word))
            case "short":
                self.owed.append(self._report(payment.id, Paid("short", payment.amount - 1)))
            case _:
                self.owed.append(self._report(payment.id, word))
        if fate == "lost":
            raise PaymentError(Reason.NO_ANSWER)
        return Pending((f"AG_{payment.id}",))

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        self.plug.moment()
        reply = self.replies.pop(0) if self.replies else "later"
        if reply == "busy":
            raise PaymentError(Reason.THROTTLED, "busy")
        entry = self.book.get(payment.id)
        word = entry.word if entry else NotFound()
        if reply == "at once":
            return word
        question = f"question {next(self._questions)}"
        names = (payment.id, question) if entry else (question,)
        self.owed.append(PaymentCallback(names, word if entry else None, word))
        return Pending((question,))

    def _enter(self, payment: Payment, fate: Fate) -> PaymentStatus:
        word: PaymentStatus = Paid(f"R{len(self.book)}", payment.amount)
        if fate == "fails":
            word = NotPaid("2040", "recipient")
        if fate == "no float":
            word = NotPaid("1", "us")
        self.book[payment.id] = Entry(payment.amount, word)
        return word

    def _report(self, name: str, word: PaymentStatus) -> PaymentCallback:
        return PaymentCallback((name, f"AG_{name}"), word, None)

    def has_paid(self, payment_id: str) -> bool:
        return payment_id in self.book and isinstance(self.book[payment_id].word, Paid)

    @property
    def paid_out(self) -> int:
        return sum(entry.amount for entry in self.book.values() if isinstance(entry.word, Paid))


fates = st.lists(st.sampled_from(get_args(Fate)), min_size=1, max_size=4)
replies = st.lists(st.sampled_from(get_args(Reply)), max_size=4)
plugs = st.none() | st.integers(0, 60)
prices = st.sampled_from([4_99, 33_33, 1800_00, 170_000_99])
"""Less than can be paid, what leaves cents over, the usual, and what takes several payments."""


class Money(RuleBasedStateMachine):
    """One kiosk, two artisans, a provider, and as many workers as there are deaths."""

    def __init__(self, database: Callable[[], AbstractContextManager[Services]], seen: Counter[str]) -> None:
        super().__init__()
        self.kiosk_id = ""
        self.coming = 0
        self.stand: Counter[str] = Counter()
        self.is_paused = False
        self._open = ExitStack()
        self.seen = seen
        self.services = self._open.enter_context(database())
        self.plug = Plug()
        self.provider = Provider(self.plug, lambda report: self.services.payout_callbacks.on_result("bank", report))
        paying = PayoutJob(self.services.payout_callbacks, self.provider)
        dispatcher = HandlerDispatcher(self.services.clock, {KIND: paying.poll})
        self.job_runner = JobRunner(
            dispatcher, self.services.database, self.services.clock, self.services.ids, OneHand()
        )
        for happening in ("before_cursor_execute", "commit"):
            event.listen(self.services.engine, happening, self.plug.moment)

    @initialize(first=st.lists(prices, min_size=2, max_size=4))
    def open_a_kiosk(self, first: list[int]) -> None:
        with self.shop() as shop:
            kiosk = kiosks.create(shop, name="Kisumu", town="Kisumu", agent_name="Juma", agent_msisdn=AGENT)
            self.kiosk_id = kiosk.id
            for msisdn in MAKERS:
                register(shop, kiosk, msisdn)
        for price, maker in zip(first, itertools.cycle(MAKERS), strict=False):
            self.sell(maker, price, count=1, good=1, follows=False, pull=None)

    # -- what people do

    @rule(
        maker=st.sampled_from(MAKERS),
        price=prices,
        count=st.integers(1, 3),
        good=st.integers(1, 3),
        follows=st.booleans(),
        pull=plugs,
    )
    def sell(self, maker: str, price: int, count: int, good: int, follows: bool, pull: int | None) -> None:
        with self.shop() as shop:
            artisan = self.artisan(shop, maker)
            ware = products.list_product(shop, artisan, title="Basket", category="baskets", price=price, quantity=count)
            orders.accept(shop, artisan, orders.place(shop, request(), ware.id, count).code)
        self.bring(FOREVER, good, follows, pull)

    @precondition(lambda self: self.coming)
    @rule(pick=st.integers(0, FOREVER), good=st.integers(1, 3), follows=st.booleans(), pull=plugs)
    def bring(self, pick: int, good: int, follows: bool, pull: int | None) -> None:
        with self.dying(pull), self.shop() as shop:
            kiosk = kiosks.by_id(shop, self.kiosk_id)
            awaited = receiving.expected_parts(shop, kiosk)
            part = awaited[min(pick, len(awaited) - 1)]
            receiving.receive(shop, kiosk, part.id, min(good, part.quantity), follows=follows)

    @rule(maker=st.sampled_from(MAKERS), to=st.sampled_from([PHONE, OTHER_PHONE, None]), pull=plugs)
    def ask_to_be_paid_otherwise(self, maker: str, to: str | None, pull: int | None) -> None:
        with self.dying(pull), self.shop() as shop:
            artisans.set_payout_method(shop, self.artisan(shop, maker), "mobile_money" if to else "kiosk_cash", to)

    @precondition(lambda self: self.stand["awaiting_collection"])
    @rule(pick=st.integers(0, FOREVER), pull=plugs)
    def collect(self, pick: int, pull: int | None) -> None:
        with self.dying(pull), self.shop() as shop:
            waiting = self.in_status(shop, "awaiting_collection")
            kiosk, code = kiosks.by_id(shop, self.kiosk_id), waiting[pick % len(waiting)].cash_code
            found = cash_payouts.find(shop, kiosk, code or "")
            assert found
            cash_payouts.collect(shop, kiosk, found.id)

    @precondition(lambda self: self.stand["failed"])
    @rule(pick=st.integers(0, FOREVER), pull=plugs)
    def retry(self, pick: int, pull: int | None) -> None:
        with self.dying(pull), self.shop() as shop:
            failed = self.in_status(shop, "failed")
            settlement.retry(shop, failed[pick % len(failed)].id)

    @precondition(lambda self: any(self.stand[status] for status in payouts.WAITING))
    @rule(pick=st.integers(0, FOREVER), pull=plugs)
    def pay_elsewhere(self, pick: int, pull: int | None) -> None:
        """An operator pays by hand, who has looked whether the provider did, and announces it."""
        with self.dying(pull), self.shop() as shop:
            waiting = self.in_status(shop, *payouts.WAITING)
            payout = waiting[pick % len(waiting)]
            if not self.provider.has_paid(payout.payment_id):
                amount, currency, reference = payout.amount, payout.currency, f"by hand {payout.id}"
                elsewhere.record_paid_elsewhere(shop, payout.artisan, amount, currency, reference, payout.order)

    @precondition(lambda self: self.is_paused)
    @rule()
    def resume(self) -> None:
        with self.shop() as shop:
            pausing.resume(shop)

    @rule(pull=plugs)
    def sum_up(self, pull: int | None) -> None:
        with self.dying(pull), self.shop() as shop:
            ledger.checkpoint(shop)

    # -- what workers and the provider do

    @rule(fates=fates, replies=replies, pull=plugs)
    def work(self, fates: list[Fate], replies: list[Reply], pull: int | None) -> None:
        self.provider.fates, self.provider.replies = fates, replies
        with self.dying(pull):
            self.do_what_is_due()
        self.provider.fates, self.provider.replies = [], []

    @rule(minutes=st.sampled_from([2, 90]), fates=fates, replies=replies, pull=plugs)
    def work_later(self, minutes: float, fates: list[Fate], replies: list[Reply], pull: int | None) -> None:
        self.clock.advance(minutes * 60)
        self.work(fates, replies, pull)

    @precondition(lambda self: self.provider.owed)
    @rule(pick=st.integers(0, FOREVER), once_more=st.booleans(), pull=plugs)
    def say(self, pick: int, once_more: bool, pull: int | None) -> None:
        """In any order, and perhaps not for the last time; a process that dies over it hears it no more."""
        place = pick % len(self.provider.owed)
        report = self.provider.owed[place] if once_more else self.provider.owed.pop(place)
        with self.dying(pull):
            self.services.payout_callbacks.on_result("bank", report)

    @precondition(lambda self: self.provider.owed)
    @rule(pick=st.integers(0, FOREVER))
    def keep_silent(self, pick: int) -> None:
        self.provider.owed.pop(pick % len(self.provider.owed))

    @rule(
        pick=st.integers(0, FOREVER),
        word=st.sampled_from([Paid("FORGED", 1), Paid("FORGED", None), NotPaid("forged", "recipient")]),
    )
    def forge(self, pick: int, word: PaymentStatus) -> None:
        """Somebody knows our address, and a name or none."""
        names = [*self.provider.book, "pay_nobody"]
        self.services.payout_callbacks.on_result("bank", PaymentCallback((names[pick % len(names)],), word, None))

    @rule(pick=st.integers(0, FOREVER))
    def be_late(self, pick: int) -> None:
        names = [*self.provider.book, "pay_nobody"]
        self.services.payout_callbacks.on_timeout("bank", names[pick % len(names)])

    # -- what holds

    @invariant()
    def what_holds(self) -> None:
        if not self.kiosk_id:
            return
        with self.shop() as shop:
            assert list(audit.inconsistencies(shop)) == []
            for artisan in shop.session.scalars(select(Artisan)):
                self.she_has_had_no_more_than_she_earned(shop, artisan)
            self.what_was_announced_as_paid_was_paid_and_announced_once(shop)
            self.look_around(shop)

    def she_has_had_no_more_than_she_earned(self, shop: Shop, artisan: Artisan) -> None:
        parts = select(Assignment).where(Assignment.artisan_id == artisan.id, Assignment.status == "received")
        earned = sum(part.earns for part in shop.session.scalars(parts))
        hers = shop.session.scalars(select(Payout).where(Payout.artisan_id == artisan.id))
        assert sum(self.left_for(payout) for payout in hers) <= earned

    def what_was_announced_as_paid_was_paid_and_announced_once(self, shop: Shop) -> None:
        told = select(Event.data).where(Event.type == "payout.paid")
        announced = Counter(data["id"] for data in shop.session.scalars(told))
        for payout in shop.session.scalars(select(Payout).where(Payout.id.in_(announced))):
            assert announced[payout.id] == 1
            assert payouts.was_paid_by_hand(payout) or self.provider.has_paid(payout.payment_id)

    def look_around(self, shop: Shop) -> None:
        """What the next step may be is chosen by what there is."""
        self.stand = Counter(shop.session.scalars(select(Payout.status)))
        self.is_paused = pausing.current_pause(shop) is not None
        self.coming = len(receiving.expected_parts(shop, kiosks.by_id(shop, self.kiosk_id)))
        self.seen.update(self.stand, paused=self.is_paused)

    def teardown(self) -> None:
        """Everybody is well again and speaks the truth; then nothing stays open, and both books say the same."""
        try:
            if self.kiosk_id:
                self.settle()
        finally:
            self.seen.update(self.provider.met)
            self.seen["plug pulled"] += self.plug.pulled
            self._open.close()

    def settle(self) -> None:
        self.provider.fates, self.provider.replies = [], []
        for _ in range(20):
            with self.shop() as shop:
                pausing.resume(shop)
            self.clock.advance(LEASE.total_seconds() + 3600)
            self.do_what_is_due()
            while self.provider.owed:
                self.services.payout_callbacks.on_result("bank", self.provider.owed.pop(0))
        self.what_holds()
        with self.shop() as shop:
            assert not self.in_status(shop, "pending", *payouts.IN_FLIGHT)
            assert self.provider.paid_out == -ledger.balance(shop, ledger.provider_account("bank"))
            assert ledger.balance(shop, ledger.PAYOUTS) == 0

    # -- the rest

    @property
    def clock(self) -> MovableClock:
        assert isinstance(self.services.clock, MovableClock)
        return self.services.clock

    @contextmanager
    def dying(self, pull: int | None) -> Iterator[None]:
        """Whatever happens inside, until the plug is pulled."""
        self.plug.put_in(after=pull)
        with suppress(PlugPulled):
            yield
        self.plug.put_in()

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        with self.services.database.writing.begin() as session:
            yield self.services.shop(session)

    def do_what_is_due(self) -> None:
        while sum(consumer.consume() for consumer in event_consumers(self.services)) + self.job_runner.step():
            pass

    def artisan(self, shop: Shop, msisdn: str) -> Artisan:
        artisan = artisans.by_msisdn(shop, msisdn)
        assert artisan is not None
        return artisan

    def in_status(self, shop: Shop, *statuses: str) -> list[Payout]:
        return list(shop.session.scalars(select(Payout).where(Payout.status.in_(statuses)).order_by(Payout.id)))

    def left_for(self, payout: Payout) -> int:
        """What left for a payout, by what the provider, the kiosk and the operator know themselves."""
        names = [name for name in self.provider.book if name == payout.id or name.startswith(f"{payout.id}-")]
        by_phone = sum(payout.amount for name in names if self.provider.has_paid(name))
        by_hand = payout.amount if payout.order_id and payouts.was_paid_by_hand(payout) else 0
        return by_phone + by_hand


# -- over which database


@contextmanager
def over(url: str, folder: Path) -> Iterator[Services]:
    settings = registry.make_settings(database_url=url, photos_dir=str(folder))
    services = build(settings, clock=MovableClock(folder / "clock", base=lambda: MONDAY), ids=Ids(Random(1)))
    try:
        yield services
    finally:
        services.close()


def play(database: Callable[[], AbstractContextManager[Services]], examples: int) -> Counter[str]:
    """What was met on the way."""
    seen: Counter[str] = Counter()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Money(database, seen),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return seen


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """New folders, as many as are asked for."""
    return (_made(tmp_path / str(number)) for number in itertools.count())


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_in_any_order_on_sqlite(folders: Iterator[Path]) -> None:
    def fresh() -> AbstractContextManager[Services]:
        folder = next(folders)
        return over(migrated_sqlite(folder / "soko.db"), folder)

    seen = play(fresh, examples=70)
    never = {*get_args(Fate), *PAYOUT.statuses, "plug pulled", "paused"} - set(+seen)
    assert not never, f"it never came to this: {never}"


def test_in_any_order_on_postgresql(postgres_server: servers.Postgres, folders: Iterator[Path]) -> None:
    @contextmanager
    def fresh() -> Iterator[Services]:
        with migrated_postgres(postgres_server) as url, over(url, next(folders)) as services:
            yield services

    assert play(fresh, examples=15)["plug pulled"]
