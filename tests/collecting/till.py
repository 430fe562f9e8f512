"""A shop whose buyers pay a scripted collector, and whose refunds go back by it or by a scripted payer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, cast

from sqlalchemy import Engine, func, select

from bot.jobs.handlers import HandlerDispatcher
from bot.jobs.runner import JobRunner
from bot.payments import collections, direct_payments
from bot.payments.collections import CollectionJob
from bot.payments.direct_payments import DirectPaymentJob
from bot.payments.refunding import RefundJob
from bot.providers import registry
from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    ChargeStatus,
    Collector,
    CollectorMethod,
    DisputeStatus,
    NotCaptured,
    Refunded,
    Refunding,
    RefundPending,
    RefundStatus,
    StillOpen,
)
from bot.providers.payment_contracts import Paid, Payer, Payment, PaymentStatus, Pending
from bot.runtime.clock import MovableClock
from bot.services import Services, build
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, BuyerPayment, Order, Refund
from marketplace_api.orders import orders, paying
from marketplace_api.payments import audit, buyer_payments, ledger
from marketplace_api.shop import Ids, Shop
from marketplace_api.statuses import CollectorMethod as Method
from state.outbox import Job
from state.tables import outbox
from tests.actors import TESTER
from tests.databases import engine_for
from tests.marketplace.conftest import register, request
from tests.payouts.crashing import InlineExecutor
from tests.service import MONDAY

AGENT, MAKER, BUYER = "+254711000001", "+254712345678", "+254722000222"
PRICE = 1500_00
NAME = "simulator"


class Script:
    """Answers, one after another, and the last one again; an error is raised. `asked` are the requests."""

    def __init__(self, *answers: Any) -> None:
        self.answers: list[Any] = list(answers)
        self.asked: list[Any] = []

    def then(self, *answers: Any) -> None:
        """Replaces what is answered from now on."""
        self.answers = list(answers)

    def answer(self, *request: Any) -> Any:
        self.asked.append(request[0])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class ScriptedCollector:
    """A collector that answers what a test says; without a word of it, buyers pay at once and refunds arrive."""

    name: str = NAME
    method: CollectorMethod = "mpesa"
    asks_once: bool = True
    asks: Script = field(default_factory=lambda: Script(Asked("ws_1")))
    queries: Script = field(default_factory=lambda: Script(StillOpen()))
    closes: Script = field(default_factory=lambda: Script(StillOpen()))
    refunds: Script = field(default_factory=lambda: Script(Refunded("REVERSED")))
    refund_queries: Script = field(default_factory=lambda: Script(RefundPending()))
    disputes: Script = field(default_factory=lambda: Script(None))
    receipts: Script = field(default_factory=lambda: Script(None))

    def ask(self, charge: Charge) -> Asked | NotCaptured:
        answer: Asked | NotCaptured = self.asks.answer(charge)
        return answer

    def query(self, charge: Charge, provider_id: str) -> ChargeStatus:
        answer: ChargeStatus = self.queries.answer(charge, provider_id)
        return answer

    def close(self, charge: Charge, provider_id: str) -> ChargeStatus:
        answer: ChargeStatus = self.closes.answer(charge, provider_id)
        return answer

    def refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        answer: RefundStatus | RefundPending = self.refunds.answer(refunding)
        return answer

    def query_refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        answer: RefundStatus | RefundPending = self.refund_queries.answer(refunding)
        return answer

    def dispute(self, provider_id: str) -> DisputeStatus | None:
        answer: DisputeStatus | None = self.disputes.answer(provider_id)
        return answer

    def query_receipt(self, receipt: str, token: str) -> None:
        self.receipts.answer((receipt, token))


@dataclass
class TillPayer:
    """A payer that answers what a test says."""

    name: str = "bank"
    pays: Script = field(default_factory=lambda: Script(Paid("B2C1", None)))
    queries: Script = field(default_factory=lambda: Script(Pending()))

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        answer: PaymentStatus | Pending = self.pays.answer(payment)
        return answer

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        answer: PaymentStatus | Pending = self.queries.answer(payment)
        return answer


@dataclass
class Till:
    """The shop, its collector and payer, and a worker that runs their jobs in the calling thread."""

    services: Services
    collector: ScriptedCollector = field(default_factory=ScriptedCollector)
    payer: TillPayer = field(default_factory=TillPayer)
    product_id: str = ""

    def __post_init__(self) -> None:
        self.work_with(self.collector, self.payer)
        with self.shop() as shop:
            kiosk = kiosks.create(shop, name="Kisumu", town="Kisumu", agent_name="Juma", agent_msisdn=AGENT)
            artisan = register(shop, kiosk, MAKER)
            self.product_id = products.list_product(
                shop, artisan, title="Kiondo basket", category="baskets", price=PRICE, quantity=9_000
            ).id

    def work_with(self, collector: Collector, payer: Payer) -> None:
        """Lets a new worker use this collector and this payer."""
        own, by_name = self.services.collecting, collections.by_name_and_method([collector])
        handlers: dict[str, Any] = {
            collections.KIND: CollectionJob(own, by_name).run,
            collections.REFUND: RefundJob(own, by_name, payer).run,
            direct_payments.KIND: DirectPaymentJob(own, by_name).run,
        }
        dispatcher = HandlerDispatcher(self.services.clock, handlers)
        self.runner: JobRunner[Job, Any] = JobRunner(
            dispatcher, self.services.database, self.services.clock, self.services.ids, InlineExecutor()
        )

    # -- people

    def order(self, quantity: int = 1, method: Method = "mpesa", phone: str = BUYER) -> tuple[str, str]:
        """The ids of a new order and of its payment."""
        with self.shop() as shop:
            order = orders.place(shop, replace(request(), vouched=False), self.product_id, quantity)
            if method == "mpesa":
                payment = paying.start_by_phone(shop, order, phone)
            else:
                payment = paying.start_by_card(shop, order, "KES", "https://shop.example/o/1")
            return order.id, payment.id

    def paid(self, quantity: int = 1, method: Method = "mpesa", reference: str | None = "SG1") -> tuple[str, str]:
        """The ids of an order that is paid, and of its payment."""
        order_id, payment_id = self.order(quantity, method)
        self.work()
        self.collector.queries.then(Captured(PRICE * quantity, "KES", reference))
        self.advance(10)
        self.collector.queries.then(StillOpen())
        return order_id, payment_id

    def accept(self, order_id: str, quantity: int) -> None:
        with self.shop() as shop:
            order = orders.by_id(shop, order_id)
            maker = shop.session.scalars(select(Artisan)).one()
            orders.accept(shop, maker, order.code, quantity)

    def cancel(self, order_id: str) -> None:
        with self.shop() as shop:
            orders.cancel(shop, orders.by_id(shop, order_id))

    # -- the worker and the clock

    def work(self) -> None:
        """Does what is due at this moment."""
        consumer = self.services.collection_consumer
        assert consumer is not None
        while consumer.consume() + self.runner.step():
            pass

    def advance(self, seconds: float) -> None:
        """Moves the clock, and does what is due then."""
        self.pass_time(seconds)
        self.work()

    def pass_time(self, seconds: float) -> None:
        """Moves the clock."""
        assert isinstance(self.services.clock, MovableClock)
        self.services.clock.advance(seconds)

    def advance_to_next(self) -> None:
        """Moves the clock to the next job."""
        due_at = self.next_due()
        assert due_at is not None
        self.advance(max(due_at, 0))

    def next_due(self) -> float | None:
        """The seconds until the next job; None if there is none."""
        with self.services.database.reading() as session:
            live = outbox.c.done_at.is_(None), outbox.c.dead_at.is_(None)
            due_at = session.scalar(select(func.min(outbox.c.due_at)).where(*live))
        return (due_at - self.services.clock()).total_seconds() if due_at else None

    # -- what holds

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        with self.services.database.writing.begin() as session:
            yield self.services.shop(session, TESTER)

    def payment(self, payment_id: str) -> BuyerPayment:
        with self.shop() as shop:
            return buyer_payments.by_id(shop, payment_id)

    def payments(self) -> list[BuyerPayment]:
        with self.shop() as shop:
            return list(shop.session.scalars(select(BuyerPayment).order_by(BuyerPayment.created_at, BuyerPayment.id)))

    def refunds(self) -> list[Refund]:
        with self.shop() as shop:
            return list(shop.session.scalars(select(Refund).order_by(Refund.created_at, Refund.id)))

    def refund(self) -> Refund:
        [refund] = self.refunds()
        return refund

    def order_status(self, order_id: str) -> str:
        with self.shop() as shop:
            return orders.by_id(shop, order_id).status

    def row(self, order_id: str) -> Order:
        with self.shop() as shop:
            return orders.by_id(shop, order_id)

    def balance(self, account: str) -> int:
        with self.shop() as shop:
            return ledger.balance(shop, account)

    def check(self) -> None:
        """The books hold."""
        with self.shop() as shop:
            assert list(audit.inconsistencies(shop)) == []


@contextmanager
def open_till(url: str, folder: Path, engine: Engine | None = None, **collector: Any) -> Iterator[Till]:
    """The shop over a migrated database."""
    settings = registry.make_settings(database_url=url, photos_dir=str(folder))
    clock = MovableClock(folder / "clock", base=lambda: MONDAY)
    services = build(settings, clock=clock, ids=Ids(Random(1)), engine=engine or engine_for(url))
    cast("dict[Method, str]", services.terms.collectors)["card"] = NAME  # one scripted collector has both methods
    try:
        yield Till(services, ScriptedCollector(**collector))
    finally:
        services.close()
