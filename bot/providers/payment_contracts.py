"""What a provider of mobile money and the rest of the service say to each other.

    pay    ──> Pending                      the request was accepted; that is not a payment yet
           ──> Paid, NotPaid                some providers know at once
    query  ──> Pending                      the status will come as a callback
           ──> Paid, NotPaid, NotFound

Daraja accepts and calls back. MTN MoMo accepts and is queried. Airtel Money answers at once, or is queried. The
built-in provider answers at once. `docs/payouts.md` says what each answer leads to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

FaultParty = Literal["recipient", "us", "nobody"]
"""Who can mend a failure: the recipient (the number cannot receive), we (settings or float are wrong), or nobody."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a provider is asked to pay: `amount` minor units to `msisdn`. An `id` is never used for another payment."""

    id: str
    msisdn: str
    amount: int
    currency: str
    about: str
    """What it is for, in a few ASCII letters and digits: the provider's own records show it."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The money has arrived. `amount` is in minor units as the provider says, or None when it does not say."""

    reference: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class NotPaid:
    """It was not paid, and under this id never will be. `detail` is the provider's code and words.

    `try_tomorrow`: a daily limit is full, so the same payment may succeed a day later.
    """

    detail: str
    fault: FaultParty = "nobody"
    try_tomorrow: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider knows no such payment; it may be asked to pay it again under the same id."""


PaymentStatus = Paid | NotPaid | NotFound


@dataclass(frozen=True, slots=True)
class Pending:
    """The outcome follows later. A callback may name the payment, or the query, by one of these ids of the provider."""

    names: tuple[str, ...] = ()


class Payer(Protocol):
    """A provider of mobile money, such as Daraja and the built-in one."""

    name: str

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        """Ask it to pay. Asked again under the same id, it pays no second time. Raises PaymentError."""
        ...

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        """Ask it what became of a payment. Raises PaymentError."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentCallback:
    """A callback of a provider. `names` are the ids in it, ours or the provider's, the most reliable first.

    The result of a payment and the result of a query look alike, and only the names tell them apart. So there are two
    readings: `if_payment` holds when the names are a payment's, `if_query` when they are a query's. None says nothing.
    """

    names: tuple[str, ...]
    if_payment: PaymentStatus | None
    if_query: PaymentStatus | None


class PaymentCallbackHandler(Protocol):
    """Takes what a provider's callbacks say: `bot.payments`, or a test that records it."""

    def on_result(self, provider: str, callback: PaymentCallback) -> None:
        """A provider reports a result: early, late, twice, or of a payment that is not ours."""
        ...

    def on_timeout(self, provider: str, name: str) -> None:
        """A provider did not handle the payment of this name in time; its outcome is open."""
        ...
