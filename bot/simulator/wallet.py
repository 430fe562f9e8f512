"""Simulated mobile money: one table of payments, and the provider called `simulator`, which pays from it at once.

The last six digits of the receiving phone choose the outcome of a payment:

              means                                            with Daraja
    …777001   our float is empty                               result 1
    …777003   paid; the result is posted before the request is answered
    …777004   over the day's limit                             result 4
    …777008   the recipient's wallet would be too full         result 8
    …777017   paid, but the result reports an internal error   result 17
    …777026   not paid, the provider is busy                   result 26
    …777201   our credential is wrong                          result 2001
    …777202   paid, and no result is posted                    only a status query tells
    …777222   paid, and the result is posted twice
    …777400   the request is refused                           400.002.02
    …777404   the recipient is not registered                  result 2040
    …777408   paid, and a time-out is reported                 the time-out notice, no result
    …777500   paid, but the request is answered with an error  500, then the result
    …777503   not paid, the provider is down                   500
    …777999   the result names another amount than requested

Every other phone is paid, and the result is posted a second later. The provider called `simulator` answers the request
with the final status, so it uses only the result code.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from bot.providers.payment_contracts import FaultParty, NotFound, NotPaid, Paid, Payment, PaymentStatus
from bot.simulator.tables import simulated_payment
from state.tables import insert_new

Transaction = AbstractContextManager[Connection]
"""A database transaction that is committed when its block ends."""


@dataclass(frozen=True, slots=True)
class PaymentScript:
    """How the simulated Daraja treats a payment.

    `http_status` is the status of the answer; `accepted` is True if the payment is recorded, for any status. The result
    has the code `result_code`, or `reported_code` if given, and an amount that is `short_by` minor units too small. It
    is posted after each of `results_after_s` seconds; with `result_before_answer` also before the answer.
    `timeout_notice` posts a time-out after a second. A status query is answered with `query_status`, and its result is
    posted after each of `query_answers_after_s` seconds.
    """

    http_status: int = 200
    accepted: bool = True
    result_code: str = "0"
    results_after_s: tuple[float, ...] = (1.0,)
    short_by: int = 0
    reported_code: str | None = None
    result_before_answer: bool = False
    timeout_notice: bool = False
    query_status: int = 200
    query_answers_after_s: tuple[float, ...] = (1.0,)


SCRIPTS = {
    "777001": PaymentScript(result_code="1"),
    "777003": PaymentScript(result_before_answer=True, results_after_s=()),
    "777004": PaymentScript(result_code="4"),
    "777008": PaymentScript(result_code="8"),
    "777017": PaymentScript(reported_code="17"),
    "777026": PaymentScript(result_code="26"),
    "777201": PaymentScript(result_code="2001"),
    "777202": PaymentScript(results_after_s=()),
    "777222": PaymentScript(results_after_s=(1.0, 2.0)),
    "777400": PaymentScript(http_status=400, accepted=False),
    "777404": PaymentScript(result_code="2040"),
    "777408": PaymentScript(timeout_notice=True, results_after_s=()),
    "777500": PaymentScript(http_status=500),
    "777503": PaymentScript(http_status=500, accepted=False),
    "777999": PaymentScript(short_by=100),
}
DESCRIPTIONS = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "4": "The transaction would exceed the daily limit.",
    "8": "The balance would exceed the maximum balance.",
    "17": "Internal failure.",
    "26": "Traffic blocking condition in place.",
    "2001": "The initiator information is invalid.",
    "2040": "Credit Party customer type can't be supported by the service.",
}
"""Daraja's `ResultDesc` for each `ResultCode`."""
_AT_FAULT: dict[str, FaultParty] = {"1": "us", "8": "recipient", "2001": "us", "2040": "recipient"}
"""Who must act on a failure; nobody for all other codes."""


def script_for(msisdn: str) -> PaymentScript:
    """The row of the table above for this phone."""
    return SCRIPTS.get(msisdn[-6:], PaymentScript())


@dataclass(frozen=True, slots=True)
class Transfer:
    """A recorded payment, `amount` in minor units; it was paid if its `code` is `0`."""

    id: str
    conversation: str
    msisdn: str
    amount: int
    currency: str
    code: str
    at: datetime

    @property
    def receipt(self) -> str:
        """The provider's reference: `SIM` and 7 characters, the same for the same payment."""
        digest = hashlib.blake2b(f"{self.id} {self.currency} {self.amount}".encode(), digest_size=5).digest()
        return "SIM" + b32encode(digest).decode()[:7]


def record(conn: Connection, transfer: Transfer) -> bool:
    """Insert a payment; False if one with its id is recorded already."""
    return insert_new(
        conn,
        simulated_payment,
        id=transfer.id,
        conversation=transfer.conversation,
        msisdn=transfer.msisdn,
        amount=transfer.amount,
        currency=transfer.currency,
        code=transfer.code,
        at=transfer.at,
    )


def find(conn: Connection, payment_id: str) -> Transfer | None:
    """The payment with this id, or None."""
    row = conn.execute(simulated_payment.select().where(simulated_payment.c.id == payment_id)).one_or_none()
    return Transfer(*row) if row else None


def total_paid(conn: Connection) -> int:
    """The sum of all paid amounts in minor units; the ledger's account of this provider must agree with it."""
    paid = select(func.coalesce(func.sum(simulated_payment.c.amount), 0)).where(simulated_payment.c.code == "0")
    return int(conn.execute(paid).scalar_one())


class SimulatorPayer:
    """The payout provider called `simulator`: pays at once, and never twice for one payment id."""

    name = "simulator"

    def __init__(self, transaction: Callable[[], Transaction], clock: Callable[[], datetime]) -> None:
        self._transaction, self._clock = transaction, clock

    def pay(self, payment: Payment) -> PaymentStatus:
        """The final status; a repeated request gets the status of the first."""
        script = script_for(payment.msisdn)
        code = "2040" if script.http_status == 400 else script.result_code
        transfer = Transfer(
            payment.id, payment.id, payment.msisdn, payment.amount, payment.currency, code, self._clock()
        )
        with self._transaction() as conn:
            return _status(transfer if record(conn, transfer) else find(conn, payment.id))

    def query(self, payment: Payment) -> PaymentStatus:
        """The status of a payment, or NotFound if it was never requested."""
        with self._transaction() as conn:
            return _status(find(conn, payment.id))


def _status(transfer: Transfer | None) -> PaymentStatus:
    if transfer is None:
        return NotFound()
    if transfer.code != "0":
        return NotPaid(f"{transfer.code} {DESCRIPTIONS[transfer.code]}", _AT_FAULT.get(transfer.code, "nobody"))
    return Paid(transfer.receipt, transfer.amount)
