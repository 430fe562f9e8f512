"""The interface between a provider of mobile money and the rest of the service.

    pay    ──> Pending                      the request was accepted; nothing is paid yet
           ──> Paid, NotPaid                some providers answer with the outcome at once
    query  ──> Pending                      the status will come as a callback
           ──> Paid, NotPaid, NotFound

Daraja accepts and calls back. MTN MoMo accepts and is queried. Airtel Money answers at once, or is queried. The
built-in provider answers at once. `docs/payouts.md` describes what follows each answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

FaultParty = Literal["recipient", "us", "nobody"]
"""Who can correct a failure: the recipient (the number cannot receive), we (our settings or float), or nobody."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a payer pays into: the wallets of a network, which the mobile numbers of one country have.

    With number portability, a prefix does not tell whose customer a number is, so every mobile number may have one.
    """

    network: str
    """As people call it, such as `M-PESA`."""
    country: str
    """ISO 3166-1 alpha-2."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of `amount` minor units to `msisdn`. Its `id` is never used for another payment."""

    id: str
    msisdn: str
    amount: int
    currency: str
    about: str
    """What the payment is for, in a few ASCII letters and digits; the provider's own records show it."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The money has arrived. `amount` is in minor units as the provider says, or None when it does not say."""

    reference: str
    amount: int | None


@dataclass(frozen=True, slots=True)
class NotPaid:
    """It was not paid, and never will be under this id. `detail` is the provider's code and words.

    `try_tomorrow`: a daily limit is full, so the same payment may succeed a day later.
    """

    detail: str
    fault: FaultParty = "nobody"
    try_tomorrow: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider has no payment with this id; the payment may be requested again under the same id."""


PaymentStatus = Paid | NotPaid | NotFound


@dataclass(frozen=True, slots=True)
class Pending:
    """The outcome follows later. A callback may name the payment, or the query, by one of these ids of the provider."""

    names: tuple[str, ...] = ()


class Payer(Protocol):
    """A provider of mobile money, such as Daraja and the built-in one."""

    name: str

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        """Request a payment. A second request with the same id does not pay again. Raises PaymentError."""
        ...

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        """Request the status of a payment. Raises PaymentError."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentCallback:
    """A callback of a provider. `names` are the ids in it, ours or the provider's, the most reliable first.

    The result of a payment and the result of a query look the same, and only the names distinguish them. So there are
    two readings: `if_payment` if the names are of a payment, `if_query` if they are of a query. None means no status.
    """

    names: tuple[str, ...]
    if_payment: PaymentStatus | None
    if_query: PaymentStatus | None


class PaymentCallbackHandler(Protocol):
    """Handles the callbacks of providers: `bot.payments`, or a test that records them."""

    def on_result(self, provider: str, callback: PaymentCallback) -> None:
        """Handle a result, which may come early, late or twice, or be about a payment that is not ours."""
        ...

    def on_timeout(self, provider: str, name: str) -> None:
        """Handle a time-out: the provider did not process the payment `name` in time, and its outcome is unknown."""
        ...
