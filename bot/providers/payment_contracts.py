"""The interface between a provider of mobile money and the rest of the service.

    pay    ──> Pending                      the request was accepted; nothing is paid yet
           ──> Paid, NotPaid                some providers answer with the outcome at once
    query  ──> Pending                      the status will come as a callback
           ──> Paid, NotPaid, NotFound

Daraja accepts and calls back. MTN MoMo accepts and is queried. Airtel Money answers at once, or is queried. The
built-in provider answers at once. `docs/payouts.md` describes what follows each answer.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    token: str
    """Unguessable, new for each request, and a part of the address that the request names for its answer."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The money has arrived: `amount` minor units at `msisdn`, each None if the provider does not say it."""

    reference: str
    amount: int | None
    msisdn: str | None = None


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

    The result of a payment and the result of a query look the same, and only the token in the address distinguishes
    them. So there are two readings: `if_payment` and `if_query`. None means no status.
    """

    names: tuple[str, ...]
    if_payment: PaymentStatus | None
    if_query: PaymentStatus | None


class PaymentCallbackHandler(Protocol):
    """Handles the callbacks of providers: `bot.payments`, or a test that records them."""

    def on_result(self, provider: str, token: str, callback: PaymentCallback) -> None:
        """Handle what was posted to an address with a token: if a request of ours named it, the answer to that request.

        It may come early, late or twice.
        """
        ...

    def on_hint(self, provider: str, names: Sequence[str]) -> None:
        """Query the payment with one of these names soon: something was posted about it to an address known to others.

        It settles nothing, whatever it said.
        """
        ...
