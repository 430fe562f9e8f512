"""A collector with books of its own, that works with a process which stops at a chosen moment."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import func, literal, select

from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    ChargeStatus,
    CollectorMethod,
    DisputeStatus,
    NotCaptured,
    NotCapturedReason,
    NotRefunded,
    NotRefundedReason,
    Refunded,
    Refunding,
    RefundPending,
    RefundStatus,
    StillOpen,
)
from bot.providers.errors import PaymentError, Reason
from marketplace_api.models import BuyerPayment, LedgerPosting, Order
from marketplace_api.payments import ledger
from marketplace_api.shop import Shop
from tests.payouts.crashing import CrashingPayer, CrashPoint

AskOutcome = Literal["asked", "paid at once", "answer lost", "request lost", "busy", "refused", "wrong key"]
"""The result of a request to ask. After a lost answer the buyer was asked; a lost request never arrived."""
QueryOutcome = Literal["told", "busy"]
RefundOutcome = Literal[
    *("refunded", "pending", "early", "refund answer lost", "refund request lost", "refund busy"),
    *("not possible", "no float", "refund refused"),
]
RequestState = Literal["open", "paid", "cancelled", "closed"]


@dataclass
class BookedRequest:
    """A request to pay in the provider's books: the charge, and what the buyer did."""

    charge: Charge
    provider_id: str
    state: RequestState = "open"
    receipt: str = ""
    disputed: DisputeStatus | None = None


@dataclass
class DirectMoney:
    """Money that came by paybill."""

    receipt: str
    amount: int
    account: str
    msisdn: str


@dataclass
class CrashingCollector:
    """A provider that keeps books. `outcomes` are what happens to the next requests.

    `unposted` are the callbacks that it has not posted yet. With `asks_once` it knows no id of ours, tells no receipt
    in a query, and reverses a receipt once and whole, as M-PESA; else it does as Stripe.
    """

    crash_point: CrashPoint
    asks_once: bool
    name: str = "simulator"
    asks: list[AskOutcome] = field(default_factory=list)
    queries: list[QueryOutcome] = field(default_factory=list)
    refundings: list[RefundOutcome] = field(default_factory=list)
    requests: list[BookedRequest] = field(default_factory=list)
    direct: dict[str, DirectMoney] = field(default_factory=dict)
    refunded: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By our id of a refund: the receipt, and the amount that went back."""
    unposted: list[Callable[[Posted], None]] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    post: Posted | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def method(self) -> CollectorMethod:
        return "mpesa" if self.asks_once else "card"

    # -- what the service asks

    def ask(self, charge: Charge) -> Asked | NotCaptured:
        self.crash_point.step()
        outcome: AskOutcome = self.asks.pop(0) if self.asks else "asked"
        self.met[outcome] += 1
        known = next((each for each in self.requests if each.charge.id == charge.id), None)
        match outcome:
            case "busy":
                raise PaymentError(Reason.THROTTLED, "busy")
            case "request lost":
                raise PaymentError(Reason.NO_ANSWER)
            case "refused" if known is None or self.asks_once:  # a repeated request gets the answer of the first one
                return NotCaptured(NotCapturedReason.INVALID_PHONE, "no such number")
            case "wrong key":
                return NotCaptured(NotCapturedReason.MISCONFIGURED, "wrong key")
        if known is None or self.asks_once:
            known = BookedRequest(charge, f"ws_{next(self._numbers)}")
            self.requests.append(known)
        if outcome == "paid at once" and known.state == "open":
            self.pay(known)
        self.crash_point.step()
        if outcome == "answer lost":
            raise PaymentError(Reason.NO_ANSWER)
        return Asked(known.provider_id, None if self.asks_once else "https://pay.example")

    def query(self, charge: Charge, provider_id: str) -> ChargeStatus:
        self.crash_point.step()
        if self.queries and self.queries.pop(0) == "busy":
            raise PaymentError(Reason.THROTTLED, "busy")
        return self._status(self._request(provider_id))

    def close(self, charge: Charge, provider_id: str) -> ChargeStatus:
        self.crash_point.step()
        request = self._request(provider_id)
        if request.state == "open" and not self.asks_once:
            request.state = "closed"
        return self.query(charge, provider_id)

    def _status(self, request: BookedRequest) -> ChargeStatus:
        match request.state:
            case "paid" if self.asks_once:
                return Captured(None, None, None)
            case "paid":
                return Captured(request.charge.amount, request.charge.currency, request.receipt, fee=3)
            case "cancelled":
                return NotCaptured(NotCapturedReason.CANCELLED, "1032")
            case "closed":
                return NotCaptured(NotCapturedReason.EXPIRED, "expired")
        return StillOpen()

    def refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        self.crash_point.step()
        outcome: RefundOutcome = self.refundings.pop(0) if self.refundings else "refunded"
        self.met[outcome] += 1
        match outcome:
            case "refund busy":
                raise PaymentError(Reason.THROTTLED, "busy")
            case "refund request lost":
                raise PaymentError(Reason.NO_ANSWER)
            case "refund refused":
                raise PaymentError(Reason.REFUSED, "no")
            case "no float":
                return NotRefunded(NotRefundedReason.NO_FLOAT, "no float")
            case "not possible":
                return NotRefunded(NotRefundedReason.NOT_POSSIBLE, "too old")
        if self.asks_once and not (refunding.reference and refunding.whole):
            return NotRefunded(NotRefundedReason.NOT_POSSIBLE, "a part, or no receipt")
        receipt = refunding.reference or ""
        if refunding.id in self.refunded:
            return NotRefunded(NotRefundedReason.ALREADY, "R000001")
        assert self.asks_once is False or receipt not in {receipt for receipt, _ in self.refunded.values()}
        self.refunded[refunding.id] = receipt, refunding.amount
        self.crash_point.step()
        answer = Refunded(f"R_{refunding.id}")
        if outcome == "early" and self.post:
            self.post.on_answer(refunding.token, answer)
        if outcome in ("pending", "early"):
            self.unposted.append(lambda post: post.on_answer(refunding.token, answer))
            return RefundPending((f"AG_{refunding.id}",))
        if outcome == "refund answer lost":
            raise PaymentError(Reason.NO_ANSWER)
        return answer

    def query_refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        self.crash_point.step()
        if self.queries and self.queries.pop(0) == "busy":
            raise PaymentError(Reason.THROTTLED, "busy")
        if refunding.id in self.refunded:
            return Refunded(f"R_{refunding.id}")
        return NotRefunded(NotRefundedReason.NOT_FOUND, "no such refund")

    def dispute(self, provider_id: str) -> DisputeStatus | None:
        self.crash_point.step()
        return None if self.asks_once else self._request(provider_id).disputed

    def query_receipt(self, receipt: str, token: str) -> None:
        self.crash_point.step()
        if found := self.direct.get(receipt):
            answer = Captured(found.amount, "KES", receipt, msisdn=found.msisdn)
            self.unposted.append(lambda post: post.on_answer(token, answer))

    # -- what buyers do

    def pay(self, request: BookedRequest) -> None:
        request.state, request.receipt = "paid", f"SG{next(self._numbers)}"
        captured, token, provider_id = self._captured(request), request.charge.token, request.provider_id
        if self.asks_once:
            self.unposted.append(lambda post: post.on_charge(token, captured, provider_id))
            charge = request.charge
            self.direct[request.receipt] = DirectMoney(
                request.receipt, charge.amount, charge.about, charge.msisdn or ""
            )
        else:
            event_id = f"evt_{request.receipt}"
            self.unposted.append(lambda post: post.on_hint(self.name, provider_id, event_id))

    def pay_directly(self, amount: int, account: str, msisdn: str) -> str:
        receipt = f"SD{next(self._numbers)}"
        self.direct[receipt] = DirectMoney(receipt, amount, account, msisdn)
        return receipt

    def _captured(self, request: BookedRequest) -> Captured:
        return Captured(request.charge.amount, request.charge.currency, request.receipt, msisdn=request.charge.msisdn)

    def _request(self, provider_id: str) -> BookedRequest:
        return next(each for each in self.requests if provider_id in (each.provider_id, each.receipt))

    # -- the books

    @property
    def received(self) -> int:
        """All that buyers paid, less fees of those that the service has seen."""
        prompts = sum(each.charge.amount for each in self.requests if each.state == "paid" and not self.asks_once)
        return prompts + sum(each.amount for each in self.direct.values())

    @property
    def given_back(self) -> int:
        return sum(amount for _, amount in self.refunded.values())

    @property
    def lost_disputes(self) -> list[BookedRequest]:
        return [each for each in self.requests if each.disputed == "lost"]


class Posted:
    """What a provider can post; `CollectorCallbacks` is one."""

    def on_hint(self, collector: str, provider_id: str, event_id: str | None = None) -> None: ...

    def on_charge(self, token: str, captured: Captured | None, provider_id: str | None = None) -> None: ...

    def on_answer(self, token: str, answer: Captured | RefundStatus | None) -> None: ...


def check_books(shop: Shop, collector: CrashingCollector, payer: CrashingPayer) -> None:
    """Every purse is closed, and the ledger says of provider and payer what their own books say."""
    purses = select(Order.id, func.sum(LedgerPosting.amount)).where(
        LedgerPosting.account == literal(ledger.PURSE) + Order.id
    )
    assert {order: rest for order, rest in shop.session.execute(purses.group_by(Order.id)) if rest} == {}
    charged_back = sum(
        payment.amount - sum(refund.amount for refund in payment.refunds)
        for payment in shop.session.scalars(select(BuyerPayment).where(BuyerPayment.status == "charged_back"))
    )
    fees = ledger.balance(shop, ledger.FEES)
    held = collector.received - collector.given_back - fees - charged_back
    assert ledger.balance(shop, ledger.collector_account(collector.name)) == held
    assert ledger.balance(shop, ledger.provider_account(payer.name)) == -payer.total_paid
