"""A process that stops at a chosen moment, and a provider of mobile money that works with it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

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

PayOutcome = Literal[
    *("pending", "at once", "callback first", "not paid", "no float", "refused"),
    *("answer lost", "request lost", "busy", "other amount"),
]
"""The result of a request to pay. After a lost answer it was paid; a lost request never arrived."""
QueryOutcome = Literal["callback", "at once", "busy"]
"""The result of a status query."""


class ProcessCrashedError(BaseException):
    """The process has crashed, between two statements or before a commit."""


@dataclass
class CrashPoint:
    """Crashes the process after `after` statements, commits and calls; None is never. Nothing works after a crash."""

    after: int | None = None
    is_down: bool = False
    crashes: int = 0

    def step(self, *_: object, **__: object) -> None:
        if self.after == 0 and not self.is_down:
            self.is_down, self.crashes = True, self.crashes + 1
        if self.is_down:
            raise ProcessCrashedError
        if self.after is not None:
            self.after -= 1

    def restart(self, after: int | None = None) -> None:
        self.after, self.is_down = after, False


class InlineExecutor(ThreadPoolExecutor):
    """Runs each task at once and in order, so that the same steps always have the same result."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


@dataclass(frozen=True, slots=True)
class BookedPayment:
    """A payment in the provider's books."""

    amount: int
    status: PaymentStatus


@dataclass
class CrashingPayer:
    """A provider that never books a second payment for an id. `unposted` are the callbacks that it has not posted yet.

    `pay_outcomes` and `query_outcomes` are what happens to the next requests.
    """

    crash_point: CrashPoint
    post: Callable[[str, PaymentCallback], None]
    name: str = "bank"
    pay_outcomes: list[PayOutcome] = field(default_factory=list)
    query_outcomes: list[QueryOutcome] = field(default_factory=list)
    booked: dict[str, BookedPayment] = field(default_factory=dict)
    unposted: list[tuple[str, PaymentCallback]] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    _queries: Iterator[int] = field(default_factory=itertools.count)

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        self.crash_point.step()
        outcome: PayOutcome = self.pay_outcomes.pop(0) if self.pay_outcomes else "pending"
        self.met[outcome] += 1
        if outcome == "busy":
            raise PaymentError(Reason.THROTTLED, "busy")
        if outcome == "request lost":
            raise PaymentError(Reason.NO_ANSWER)
        if payment.id in self.booked:
            raise DuplicatePaymentError
        if outcome == "refused":
            return NotPaid("no such number", "recipient")
        status = self._book(payment, outcome)
        self.crash_point.step()
        match outcome:
            case "at once":
                return status
            case "callback first":
                self.post(payment.token, self._callback(payment.id, status))
            case "other amount":
                short = Paid("short", payment.amount - 1)
                self.unposted.append((payment.token, self._callback(payment.id, short)))
            case _:
                self.unposted.append((payment.token, self._callback(payment.id, status)))
        if outcome == "answer lost":
            raise PaymentError(Reason.NO_ANSWER)
        return Pending((f"AG_{payment.id}",))

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        self.crash_point.step()
        outcome = self.query_outcomes.pop(0) if self.query_outcomes else "callback"
        if outcome == "busy":
            raise PaymentError(Reason.THROTTLED, "busy")
        booked = self.booked.get(payment.id)
        status = booked.status if booked else NotFound()
        if outcome == "at once":
            return status
        query = f"query {next(self._queries)}"
        names = (payment.id, query) if booked else (query,)
        self.unposted.append((payment.token, PaymentCallback(names, status if booked else None, status)))
        return Pending((query,))

    def _book(self, payment: Payment, outcome: PayOutcome) -> PaymentStatus:
        status: PaymentStatus = Paid(f"R{len(self.booked)}", payment.amount)
        if outcome == "not paid":
            status = NotPaid("2040", "recipient")
        if outcome == "no float":
            status = NotPaid("1", "us")
        self.booked[payment.id] = BookedPayment(payment.amount, status)
        return status

    def _callback(self, name: str, status: PaymentStatus) -> PaymentCallback:
        return PaymentCallback((name, f"AG_{name}"), status, None)

    def has_paid(self, payment_id: str) -> bool:
        return payment_id in self.booked and isinstance(self.booked[payment_id].status, Paid)

    @property
    def total_paid(self) -> int:
        return sum(payment.amount for payment in self.booked.values() if isinstance(payment.status, Paid))
