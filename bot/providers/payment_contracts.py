"""What crosses the border between a provider of mobile money and the hall.

    pay ──> InHand          it was taken over: that is not a payment yet
        ──> Paid, NotPaid   some answer at once
    ask ──> InHand          the word is on its way, as a callback
        ──> Paid, NotPaid, NeverHeard

Daraja takes over and calls back. MTN MoMo takes over and is asked. Airtel Money answers at once, or is asked. The
built-in one answers at once. The hall treats them alike, as `docs/payouts.md` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

FaultParty = Literal["recipient", "us", "nobody"]
"""Whose matter a failure is: a number that cannot receive, our settings or our float, or neither."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a provider is asked to pay: `amount` minor units to a phone, under an `id` that means this for ever."""

    id: str
    msisdn: str
    amount: int
    currency: str
    about: str
    """What it is for, in a few plain letters: the provider's own records show it."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The money has arrived. `amount` in minor units is what the provider says; None when it does not say."""

    reference: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class NotPaid:
    """It was not paid and under this id never will be; but a day later it might be, if `tomorrow`."""

    reason: str
    blame: FaultParty = "nobody"
    tomorrow: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider knows no such payment; it may be asked for again under the same id."""


PaymentStatus = Paid | NotPaid | NotFound


@dataclass(frozen=True, slots=True)
class Pending:
    """A word will follow; a callback may call the payment by these names of the provider's own."""

    names: tuple[str, ...] = ()


class Payer(Protocol):
    """A provider of mobile money: Daraja, and the built-in one."""

    name: str

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        """Ask it to pay; asked again under the same id it pays no second time. Raises PaymentError."""
        ...

    def ask(self, payment: Payment) -> PaymentStatus | Pending:
        """Ask it what became of a payment. Raises PaymentError."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentCallback:
    """A callback. `names` are those it gives what it is about, ours or the provider's, surest first.

    A callback says the same of a payment and of a question we asked, and only who knows the names can tell them apart:
    `word` holds if they are a payment's, `answer` if they are a question's. None says nothing.
    """

    names: tuple[str, ...]
    word: PaymentStatus | None
    answer: PaymentStatus | None


class PaymentCallbackHandler(Protocol):
    """Whom a provider's callbacks are brought to: the hall's own counter, or a stand-in that records."""

    def heard(self, provider: str, report: PaymentCallback) -> None:
        """The provider's word on a payment, early, late, twice, or about nothing of ours."""
        ...

    def late(self, provider: str, name: str) -> None:
        """The provider could not handle a payment in time; how it ends is open."""
        ...
