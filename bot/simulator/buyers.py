"""Simulated buyers who pay by M-PESA: the prompts on their phones, and one table of what they paid.

The last six digits of the buyer's phone choose the outcome of a prompt:

              means                                            with Daraja
    …888001   the balance is too small                         code 1
    …888017   not asked: the same again within two minutes     refused with 17
    …888032   the buyer cancels                                code 1032
    …888037   the phone is off                                 code 1037
    …888201   the buyer types a wrong PIN                      code 2001
    …888202   paid, and no callback is posted                  only a query tells
    …888203   paid; the callback is posted before the request is answered
    …888222   paid, and the callback is posted twice
    …888300   paid ten minutes later                           code 1037 until then
    …888500   asked, but the request is answered with an error 500, then the buyer pays
    …888503   not asked, the provider is down                  500
    …888801   paid; our float is empty when it is reversed     result 1
    …888999   paid, but another amount than requested

Every other buyer sees a prompt and has a minute to type a PIN. Each PIN of four digits is right, except 0000.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from bot.simulator.tables import simulated_collection as table

PAID, NO_BALANCE, EXPIRED, CANCELLED, UNREACHABLE, WRONG_PIN = "0", "1", "1019", "1032", "1037", "2001"
SAME_AGAIN = "17"
PROMPT_LIFETIME = timedelta(minutes=1)
WRONG = "0000"
"""The one PIN that is wrong."""
DESCRIPTIONS = {
    PAID: "The service request is processed successfully.",
    NO_BALANCE: "The balance is insufficient for the transaction.",
    EXPIRED: "Transaction has expired.",
    CANCELLED: "Request Cancelled by user.",
    UNREACHABLE: "DS timeout user cannot be reached.",
    WRONG_PIN: "The initiator information is invalid.",
}
"""Daraja's `ResultDesc` for each `ResultCode` of a prompt."""


@dataclass(frozen=True, slots=True)
class BuyerScript:
    """How the simulated Daraja and a buyer treat a prompt.

    `code` is the outcome, None if the buyer has to answer. The request is answered with `http_status`; `asked` is True
    if the buyer is asked, for any status. The callback is posted after each of `callbacks_after_s` seconds; with
    `callback_before_answer` also before the answer. What is paid is `extra` minor units more than requested. With
    `paid_after_s`, the outcome is replaced by a payment so much later. A reversal has the result `reversal_code`.
    """

    code: str | None = None
    http_status: int = 200
    asked: bool = True
    callbacks_after_s: tuple[float, ...] = (1.0,)
    callback_before_answer: bool = False
    extra: int = 0
    paid_after_s: float | None = None
    reversal_code: str = "0"


SCRIPTS = {
    "888001": BuyerScript(NO_BALANCE),
    "888017": BuyerScript(SAME_AGAIN, asked=False),
    "888032": BuyerScript(CANCELLED),
    "888037": BuyerScript(UNREACHABLE),
    "888201": BuyerScript(WRONG_PIN),
    "888202": BuyerScript(PAID, callbacks_after_s=()),
    "888203": BuyerScript(PAID, callbacks_after_s=(), callback_before_answer=True),
    "888222": BuyerScript(PAID, callbacks_after_s=(1.0, 2.0)),
    "888300": BuyerScript(UNREACHABLE, paid_after_s=600.0),
    "888500": BuyerScript(PAID, http_status=500),
    "888503": BuyerScript(http_status=500, asked=False),
    "888801": BuyerScript(PAID, reversal_code=NO_BALANCE),
    "888999": BuyerScript(PAID, extra=100),
}


def script_for(msisdn: str) -> BuyerScript:
    """The row of the table above for this phone."""
    return SCRIPTS.get(msisdn[-6:], BuyerScript())


@dataclass(frozen=True, slots=True)
class Collection:
    """A prompt, or a payment to the paybill number: `amount` minor units from `msisdn` for `account`.

    `code` is None until the buyer has answered. `url` gets the callback. `reversal` is the receipt of the reversal.
    """

    id: str
    msisdn: str
    amount: int
    account: str
    url: str
    code: str | None
    at: datetime
    receipt: str
    reversal: str | None = None


def record(conn: Connection, collection: Collection) -> None:
    """Insert a prompt or payment."""
    values = {column.name: getattr(collection, column.name) for column in table.columns}
    conn.execute(table.insert().values(**values))


def find(conn: Connection, id: str, now: datetime) -> Collection | None:
    """The prompt with this id; one without an answer has ended after a minute."""
    return _one(conn, table.c.id == id, now)


def find_by_receipt(conn: Connection, receipt: str, now: datetime) -> Collection | None:
    """The payment with this receipt."""
    return _one(conn, (table.c.receipt == receipt) & (table.c.code == PAID), now)


def prompts(conn: Connection, msisdn: str, now: datetime) -> list[Collection]:
    """The prompts on this phone that wait for an answer, oldest first."""
    rows = conn.execute(table.select().where(table.c.msisdn == msisdn, table.c.code.is_(None)).order_by(table.c.at))
    return [each for row in rows if (each := _ended(Collection(*row), now)).code is None]


def answer_prompt(conn: Connection, id: str, pin: str | None, now: datetime) -> Collection | None:
    """The prompt after the buyer typed a PIN, or cancelled (None); None if it does not wait for an answer."""
    prompt = find(conn, id, now)
    if prompt is None or prompt.code is not None:
        return None
    if pin is None:
        code = CANCELLED
    else:
        code = PAID if len(pin) == len(WRONG) and pin.isdecimal() and pin != WRONG else WRONG_PIN
    return settle(conn, prompt, code)


def settle(conn: Connection, prompt: Collection, code: str) -> Collection:
    """The prompt, ended with this code."""
    conn.execute(table.update().where(table.c.id == prompt.id).values(code=code))
    return replace(prompt, code=code)


def reverse(conn: Connection, collection: Collection, receipt: str) -> bool:
    """Give the payment back under this receipt; False if it was given back before."""
    given_back = table.update().where(table.c.id == collection.id, table.c.reversal.is_(None))
    return conn.execute(given_back.values(reversal=receipt)).rowcount == 1


def total_collected(conn: Connection) -> int:
    """The sum of what buyers paid and did not get back, in minor units."""
    kept = select(func.coalesce(func.sum(table.c.amount), 0)).where(table.c.code == PAID, table.c.reversal.is_(None))
    return int(conn.execute(kept).scalar_one())


def receipt_of(id: str) -> str:
    """The receipt of a payment or reversal with this id: `SIM` and 7 characters."""
    digest = hashlib.blake2b(id.encode(), digest_size=5).digest()
    return "SIM" + b32encode(digest).decode()[:7]


def _one(conn: Connection, where: object, now: datetime) -> Collection | None:
    row = conn.execute(table.select().where(where)).one_or_none()  # type: ignore[arg-type]
    return _ended(Collection(*row), now) if row else None


def _ended(collection: Collection, now: datetime) -> Collection:
    if collection.code is None and now >= collection.at + PROMPT_LIFETIME:
        return replace(collection, code=UNREACHABLE)
    return collection
