"""What every provider of mobile money keeps, however it says it: in its answer, in a callback or when asked."""

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
class Provider:
    """One of them, and how its word is waited for."""

    payer: Payer
    book: Engine
    word_on: Callable[[Payment], PaymentStatus | None]

    def pay(self, asked: Payment) -> PaymentStatus | None:
        said = self.payer.pay(asked)
        return self.word_on(asked) if isinstance(said, Pending) else said

    def query(self, asked: Payment) -> PaymentStatus | None:
        said = self.payer.query(asked)
        return self.word_on(asked) if isinstance(said, Pending) else said

    @property
    def paid_out(self) -> int:
        with self.book.begin() as conn:
            return wallet.total_paid(conn)


@pytest.fixture(params=["simulator", "daraja"])
def provider(request: pytest.FixtureRequest, book: Engine) -> Iterator[Provider]:
    if request.param == "simulator":
        built_in: SimulatorPayer = request.getfixturevalue("built_in")
        yield Provider(built_in, book, lambda _: None)
        return
    safaricom: Safaricom = request.getfixturevalue("safaricom")

    def word_on(asked: Payment) -> PaymentStatus | None:
        safaricom.handler.callbacks.clear()
        safaricom.passes(2)
        (report,) = safaricom.handler.callbacks
        return report.if_payment or report.if_query

    yield Provider(safaricom.client, book, word_on)


def test_it_pays_what_it_is_asked(provider: Provider) -> None:
    word = provider.pay(payment())
    assert isinstance(word, Paid)
    assert word.amount == 1500_00
    assert word.reference
    assert provider.paid_out == 1500_00


def test_what_it_paid_it_says_again_when_asked(provider: Provider) -> None:
    assert provider.pay(payment()) == provider.query(payment())


def test_of_a_payment_it_never_got_it_says_so(provider: Provider) -> None:
    assert provider.query(payment("pay_never")) == NotFound()


@pytest.mark.parametrize(
    ("phone", "blame"),
    [("+254711777404", "recipient"), ("+254711777008", "recipient"), ("+254711777001", "us"), ("+254711777201", "us")],
)
def test_what_it_does_not_pay_it_says_why_and_whose_matter_it_is(provider: Provider, phone: str, blame: str) -> None:
    word = provider.pay(payment(msisdn=phone))
    assert isinstance(word, NotPaid)
    assert (word.fault, provider.paid_out) == (blame, 0)
    assert isinstance(provider.query(payment(msisdn=phone)), NotPaid)


def test_each_payment_is_one_of_its_own(provider: Provider) -> None:
    first, second = provider.pay(payment("pay_1")), provider.pay(payment("pay_2"))
    assert isinstance(first, Paid)
    assert isinstance(second, Paid)
    assert first.reference != second.reference
    assert provider.paid_out == 2 * 1500_00
