"""The interface between a collector, a provider by which buyers pay us, and the rest of the service.

    ask      ──> Asked                      the buyer is asked to pay: by a prompt on the phone, or on a page
             ──> NotCaptured                the provider refuses at once
    query    ──> StillOpen, Captured, NotCaptured
    close    ──> StillOpen, Captured, NotCaptured     after it, the buyer cannot pay any more
    refund   ──> Refunded, NotRefunded      some providers answer with the outcome at once
             ──> RefundPending              the outcome follows at the address with `Refunding.token`, or by a query

An accepted request is no payment, and a lost answer is no failure. Only an answer to a request of ours settles; what is
posted to an address that others may know is a hint that makes us query sooner. `docs/collectors.md` describes the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal, Protocol, runtime_checkable

CollectorMethod = Literal["mpesa", "card"]
"""How a buyer pays a collector."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What a buyer is asked to pay: `amount` minor units of `currency`. Its `id` is never used for anything else.

    `token` is unguessable, and stands in the addresses that the provider calls back. `msisdn` is the phone that gets
    the prompt, None for a card. `return_url` is where a page of the provider leads the buyer back to.
    """

    id: str
    token: str
    amount: int
    currency: str
    about: str
    """The code of the order; the buyer sees it."""
    expires_at: datetime
    msisdn: str | None = None
    return_url: str | None = None


class NotCapturedReason(Enum):
    """Why a buyer was not charged. Decisions depend on it alone; a page and a text tell the buyer what to do."""

    CANCELLED = "cancelled"
    """The buyer cancelled, or declined."""
    UNREACHABLE = "unreachable"
    """The phone was off or out of reach, or the buyer did not answer in time."""
    NO_BALANCE = "no_balance"
    WRONG_PIN = "wrong_pin"
    INVALID_PHONE = "invalid_phone"
    """The network cannot charge this phone."""
    DECLINED = "declined"
    """The card or the network refuses, for another cause."""
    EXPIRED = "expired"
    """The time to pay is over."""
    TRY_LATER = "try_later"
    """The network did not ask, because of another payment of this phone; it may be asked again after two minutes."""
    MISCONFIGURED = "misconfigured"
    """Our credentials or account settings are wrong: collecting by this collector pauses until an operator acts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The provider asks the buyer. `provider_id` is its own id of the request; `url` the page where the buyer pays."""

    provider_id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class StillOpen:
    """Neither paid nor refused yet."""


@dataclass(frozen=True, slots=True)
class Captured:
    """The buyer has paid. What the provider does not say is None.

    `amount` and `fee` (what the provider keeps of it) are in minor units of `currency`. `reference` is the provider's
    receipt, which is proven: it came with the answer to our own request. `msisdn` and `name` are the payer's.
    """

    amount: int | None
    currency: str | None
    reference: str | None
    fee: int | None = None
    msisdn: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class NotCaptured:
    """It was not paid, and will not be by this request. `detail` is the provider's code and words, for operators."""

    reason: NotCapturedReason
    detail: str


ChargeStatus = StillOpen | Captured | NotCaptured


@dataclass(frozen=True, slots=True)
class Refunding:
    """Money that goes back: `amount` minor units of `currency` of the captured charge `charge_id`.

    `id` is one refund's for ever: the provider does not refund twice under it. `token` is unguessable, new for each
    request, and stands in the address that the provider calls back. `reference` is the receipt of the charge, and
    `whole` is True if all of the charge goes back.
    """

    id: str
    token: str
    charge_id: str
    provider_id: str
    reference: str | None
    amount: int
    currency: str
    whole: bool
    about: str
    msisdn: str | None = None


class NotRefundedReason(Enum):
    """Why money was not given back by this collector."""

    NOT_POSSIBLE = "not_possible"
    """The network cannot give it back this way: too old, a part, no proven receipt. A payout can."""
    NO_FLOAT = "no_float"
    """Our account with the provider is empty: an operator has to top it up."""
    ALREADY = "already"
    """The provider says that it was given back before; a query tells whether by our own request."""
    NOT_FOUND = "not_found"
    """A query alone says so: the provider has no refund with this id, so it may be asked for again."""
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money went back, as `reference`."""

    reference: str


@dataclass(frozen=True, slots=True)
class NotRefunded:
    """It did not go back, and will not by this request."""

    reason: NotRefundedReason
    detail: str


@dataclass(frozen=True, slots=True)
class RefundPending:
    """The outcome follows; the provider may name it by these ids."""

    names: tuple[str, ...] = ()


RefundStatus = Refunded | NotRefunded


class Collector(Protocol):
    """A provider by which buyers pay: M-PESA Express, cards by Stripe, the built-in one.

    Every method raises `PaymentError`. If its reason has `outcome_unknown`, the provider may have acted.
    """

    name: str
    method: CollectorMethod
    asks_once: bool
    """True if the provider knows no id of ours, so that a second request would ask the buyer a second time."""

    def ask(self, charge: Charge) -> Asked | NotCaptured:
        """Ask the buyer to pay. With an id of ours that the provider knows, a second request does not ask twice."""
        ...

    def query(self, charge: Charge, provider_id: str) -> ChargeStatus:
        """Ask the provider for the status of a charge."""
        ...

    def close(self, charge: Charge, provider_id: str) -> ChargeStatus:
        """End a charge whose time is over, where the provider can; otherwise the same as `query`."""
        ...

    def refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        """Give money back. A second request with the same id does not give it back twice."""
        ...

    def query_refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        """Ask the provider for the outcome of a refund."""
        ...


@dataclass(frozen=True, slots=True)
class PaybillNotice:
    """A notice that somebody paid to our paybill number. It proves nothing: a query by `receipt` does.

    `account` is what the payer typed as the account: the code of an order. `amount` is in minor units.
    """

    receipt: str
    account: str
    amount: int | None
    name: str | None


class CollectorCallbackHandler(Protocol):
    """Handles what collectors post to us: `bot.payments`, or a test that records it."""

    def on_hint(self, collector: str, provider_id: str, event_id: str | None = None) -> None:
        """Query the charge or refund that the provider knows as `provider_id` soon.

        Handled once for each `event_id` of the provider, where it has one.
        """
        ...

    def on_charge(self, token: str, captured: Captured | None, provider_id: str | None = None) -> None:
        """Handle a callback at the address with the token of a charge; None if it does not say *paid*.

        The callback settles nothing: we query the provider because of it. Its receipt is trusted, because only the
        provider knows the address.
        `provider_id` is the provider's id of the request, which is needed where the answer to the request was lost.
        """
        ...

    def on_answer(self, token: str, answer: Captured | RefundStatus | None) -> None:
        """Handle the answer to our own request that named an address with this token.

        The request is a status query or a refund; None if the provider gives no outcome, such as a time-out.
        """
        ...

    def on_paybill(self, collector: str, notice: PaybillNotice) -> None:
        """Handle a notice of money that came without a prompt."""
        ...


@runtime_checkable
class ReceiptQuery(Protocol):
    """A collector that can tell, by a callback at the address with `token`, what a receipt is about."""

    def query_receipt(self, receipt: str, token: str) -> None:
        """Request the status of a receipt; `CollectorCallbackHandler.on_answer` gets it. Raises PaymentError."""
        ...


DisputeStatus = Literal["open", "won", "lost"]
"""Of a buyer's objection at the bank: not decided yet, the money stays ours, or it went back to the buyer."""


@runtime_checkable
class DisputeQuery(Protocol):
    """A collector whose buyers can dispute a charge at their bank."""

    def dispute(self, provider_id: str) -> DisputeStatus | None:
        """The status of the dispute about a charge, None without one. Raises PaymentError.

        `provider_id` is the provider's id of the charge, or its receipt, as `on_hint` gets it.
        """
        ...
