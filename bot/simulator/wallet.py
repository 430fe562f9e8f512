"""Mobile money without a bank: one book of payments, and the built-in provider that pays from it at once.

How a payment fares is chosen by the last six digits of the phone it is for:

              means                                   with Daraja
    …777001   our float is empty                      result 1
    …777003   paid, and said before the request is answered
    …777004   over the day's limit                    result 4
    …777008   her wallet would be too full            result 8
    …777017   paid, though it says that it broke      result 17
    …777026   not paid, it is busy                    result 26
    …777201   our credential is wrong                 result 2001
    …777202   paid, and nobody says so                only the status tells
    …777222   paid, and said twice
    …777400   refused outright                        400.002.02
    …777404   not registered                          result 2040
    …777408   paid, though it says that it is late    the time-out, no result
    …777500   paid, though it says that it broke      500, then the result
    …777503   not paid, it is down                    500
    …777999   another amount is said than was asked

Every other phone is paid, and a second later somebody says so. The built-in provider, which is asked and answers in one
breath, knows only whether and why not.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, func, select
from sqlalchemy_utc import UtcDateTime

from bot.providers.payment_contracts import FaultParty, NotFound, NotPaid, Paid, Payment, PaymentStatus
from state.tables import insert_new

metadata = MetaData()
simulated_payment = Table(
    "simulated_payment",
    metadata,
    Column("id", String, primary_key=True),
    Column("conversation", String, nullable=False),
    Column("msisdn", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("code", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

OPEN = AbstractContextManager[Connection]
"""A transaction on the book."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How a payment fares.

    `status` answers the request, which was `taken` over or not whatever the answer says; `code` is the result, said
    after each of `said_after` seconds, with `short_by` minor units missing, or lied about as `says`. `early` says it
    before the answer as well, and `late` sends the notice of a time-out. `asked` answers the question for its status,
    `told_after` as above.
    """

    status: int = 200
    taken: bool = True
    code: str = "0"
    said_after: tuple[float, ...] = (1.0,)
    short_by: int = 0
    says: str | None = None
    early: bool = False
    late: bool = False
    asked: int = 200
    told_after: tuple[float, ...] = (1.0,)


FATES = {
    "777001": Fate(code="1"),
    "777003": Fate(early=True, said_after=()),
    "777004": Fate(code="4"),
    "777008": Fate(code="8"),
    "777017": Fate(says="17"),
    "777026": Fate(code="26"),
    "777201": Fate(code="2001"),
    "777202": Fate(said_after=()),
    "777222": Fate(said_after=(1.0, 2.0)),
    "777400": Fate(status=400, taken=False),
    "777404": Fate(code="2040"),
    "777408": Fate(late=True, said_after=()),
    "777500": Fate(status=500),
    "777503": Fate(status=500, taken=False),
    "777999": Fate(short_by=100),
}
WORDS = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "4": "The transaction would exceed the daily limit.",
    "8": "The balance would exceed the maximum balance.",
    "17": "Internal failure.",
    "26": "Traffic blocking condition in place.",
    "2001": "The initiator information is invalid.",
    "2040": "Credit Party customer type can't be supported by the service.",
}
_BLAMES: dict[str, FaultParty] = {"1": "us", "8": "recipient", "2001": "us", "2040": "recipient"}
"""Whose matter a failure is; all others are nobody's."""


def fate(msisdn: str) -> Fate:
    """What the table above says of this phone."""
    return FATES.get(msisdn[-6:], Fate())


@dataclass(frozen=True, slots=True)
class Transfer:
    """A payment in the book; it has been made if its `code` is `0`."""

    id: str
    conversation: str
    msisdn: str
    amount: int
    currency: str
    code: str
    at: datetime

    @property
    def receipt(self) -> str:
        digest = hashlib.blake2b(f"{self.id} {self.currency} {self.amount}".encode(), digest_size=5).digest()
        return "SIM" + b32encode(digest).decode()[:7]


def enter(conn: Connection, transfer: Transfer) -> bool:
    """Enter a payment; False when one stands there under its id already."""
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
    row = conn.execute(simulated_payment.select().where(simulated_payment.c.id == payment_id)).one_or_none()
    return Transfer(*row) if row else None


def paid_out(conn: Connection) -> int:
    """All that was ever paid, in minor units: what the books call this provider's account should say the same."""
    made = select(func.coalesce(func.sum(simulated_payment.c.amount), 0)).where(simulated_payment.c.code == "0")
    return int(conn.execute(made).scalar_one())


class BuiltIn:
    """The provider called `simulator`: it pays from the book at once, and never twice for one payment."""

    name = "simulator"

    def __init__(self, open: Callable[[], OPEN], clock: Callable[[], datetime]) -> None:
        self._open, self._clock = open, clock

    def pay(self, payment: Payment) -> PaymentStatus:
        """Paid, or why not; asked again, the same as the first time."""
        code = "2040" if (fares := fate(payment.msisdn)).status == 400 else fares.code
        transfer = Transfer(
            payment.id, payment.id, payment.msisdn, payment.amount, payment.currency, code, self._clock()
        )
        with self._open() as conn:
            return _word(transfer if enter(conn, transfer) else find(conn, payment.id))

    def ask(self, payment: Payment) -> PaymentStatus:
        with self._open() as conn:
            return _word(find(conn, payment.id))


def _word(transfer: Transfer | None) -> PaymentStatus:
    if transfer is None:
        return NotFound()
    if transfer.code != "0":
        return NotPaid(f"{transfer.code} {WORDS[transfer.code]}", _BLAMES.get(transfer.code, "nobody"))
    return Paid(transfer.receipt, transfer.amount)
