"""What every provider of mobile money must do, whether it answers at once, by a callback or when queried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from bot.providers.payment_contracts import NotFound, NotPaid, Paid, Payer, Payment, PaymentStatus, Pending
from bot.simulator import wallet
from bot.simulator.wallet import SimulatorPayer
from tests.payouts.conftest import Safaricom, payment


@dataclass
class PayerUnderTest:
    """A payer; `await_status` waits for the outcome of what is pending."""

    payer: Payer
    engine: Engine
    await_status: Callable[[Payment], PaymentStatus | None]

    def pay(self, payment: Payment) -> PaymentStatus | None:
        answer = self.payer.pay(payment)
        return self.await_status(payment) if isinstance(answer, Pending) else answer

    def query(self, payment: Payment) -> PaymentStatus | None:
        answer = self.payer.query(payment)
        return self.await_status(payment) if isinstance(answer, Pending) else answer

    @property
    def total_paid(self) -> int:
        with self.engine.begin() as conn:
            return wallet.total_paid(conn)


@pytest.fixture(params=["simulator", "daraja"])
def provider(request: pytest.FixtureRequest, wallet_engine: Engine) -> Iterator[PayerUnderTest]:
    if request.param == "simulator":
        simulator_payer: SimulatorPayer = request.getfixturevalue("simulator_payer")
        yield PayerUnderTest(simulator_payer, wallet_engine, lambda _: None)
        return
    safaricom: Safaricom = request.getfixturevalue("safaricom")

    def await_status(payment: Payment) -> PaymentStatus | None:
        safaricom.handler.callbacks.clear()
        safaricom.advance(2)
        (callback,) = safaricom.handler.callbacks
        return callback.if_payment or callback.if_query

    yield PayerUnderTest(safaricom.client, wallet_engine, await_status)


def test_it_pays_the_amount_it_is_asked_for(provider: PayerUnderTest) -> None:
    status = provider.pay(payment())
    assert isinstance(status, Paid)
    assert status.amount == 1500_00
    assert status.reference
    assert provider.total_paid == 1500_00


def test_a_query_gives_what_was_paid(provider: PayerUnderTest) -> None:
    assert provider.pay(payment()) == provider.query(payment())


def test_a_payment_that_it_never_got_is_not_found(provider: PayerUnderTest) -> None:
    assert provider.query(payment("pay_never")) == NotFound()


@pytest.mark.parametrize(
    ("phone", "fault"),
    [("+254711777404", "recipient"), ("+254711777008", "recipient"), ("+254711777001", "us"), ("+254711777201", "us")],
)
def test_a_payment_that_fails_has_a_reason_and_a_fault_party(provider: PayerUnderTest, phone: str, fault: str) -> None:
    status = provider.pay(payment(msisdn=phone))
    assert isinstance(status, NotPaid)
    assert (status.fault, provider.total_paid) == (fault, 0)
    assert isinstance(provider.query(payment(msisdn=phone)), NotPaid)


def test_two_payments_have_two_references_and_are_both_paid(provider: PayerUnderTest) -> None:
    first, second = provider.pay(payment("pay_1")), provider.pay(payment("pay_2"))
    assert isinstance(first, Paid)
    assert isinstance(second, Paid)
    assert first.reference != second.reference
    assert provider.total_paid == 2 * 1500_00
