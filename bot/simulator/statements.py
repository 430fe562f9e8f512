"""Statements of the simulated M-PESA and Stripe, as their portals export them, to try the reconciliation.

GET /simulator/statements/mpesa     an organisation's statement; each payment cost half a percent
GET /simulator/statements/stripe    the report "Itemized balance change from activity"
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from babel.numbers import get_currency_precision
from flask import Blueprint, Response
from sqlalchemy import Connection, select

from bot.simulator import cards
from bot.simulator.buyers import PAID, Collection
from bot.simulator.cards import CardSession
from bot.simulator.daraja import MINOR_UNITS, NAIROBI
from bot.simulator.tables import simulated_collection, simulated_session
from marketplace_api.payments.card_units import units

Row = Sequence[object]
MPESA = (
    *("Receipt No.", "Completion Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Other Party Info"),
)
STRIPE = (
    *("balance_transaction_id", "created_utc", "currency", "gross", "fee", "net", "reporting_category", "source_id"),
    "payment_intent_id",
)


def routes(transaction: Callable[[], AbstractContextManager[Connection]], clock: Callable[[], datetime]) -> Blueprint:
    """The two statements. `transaction` opens a transaction of the simulator's tables."""
    blueprint = Blueprint("simulated_statements", __name__, url_prefix="/simulator/statements")

    @blueprint.get("/mpesa")
    def mpesa() -> Response:
        with transaction() as conn:
            return _csv(MPESA, list(_mpesa(conn)))

    @blueprint.get("/stripe")
    def stripe() -> Response:
        with transaction() as conn:
            return _csv(STRIPE, list(_stripe(conn, clock())))

    return blueprint


def _csv(heading: Row, rows: Sequence[Row]) -> Response:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([heading, *rows])
    return Response(written.getvalue(), mimetype="text/csv")


def _mpesa(conn: Connection) -> Iterator[Row]:
    paid = simulated_collection.select().where(simulated_collection.c.code == PAID)
    for row in conn.execute(paid.order_by(simulated_collection.c.at, simulated_collection.c.id)):
        one = Collection(*row)
        shillings, at = one.amount // MINOR_UNITS, f"{one.at.astimezone(NAIROBI):%d-%m-%Y %H:%M:%S}"
        party = f"{one.msisdn.lstrip('+')} - BUYER"
        yield one.receipt, at, f"Pay Bill Acc. {one.account}", "Completed", f"{shillings:,}.00", "", party
        charge = max(1, shillings // 200)
        yield one.receipt, at, "Pay Bill Charge", "Completed", "", f"-{charge:,}.00", party
        if one.reversal:
            details = f"Organization Reversal of {one.receipt}"
            yield one.reversal, at, details, "Completed", "", f"-{shillings:,}.00", party


def _stripe(conn: Connection, now: datetime) -> Iterator[Row]:
    columns = [simulated_session.c[name] for name in CardSession.__dataclass_fields__]
    for row in conn.execute(select(*columns).order_by(simulated_session.c.created_at, simulated_session.c.id)):
        session = CardSession(*row)
        if session.paid_at is None or not session.is_paid(now):
            continue
        yield _balance_change(session, session.paid_at, session.paid, session.fee, "charge", session.id)
        for refund in cards.find_refunds(conn, session.intent):
            yield _balance_change(session, refund.created_at, -refund.amount, 0, "refund", refund.id)
            if refund.status_at(now) == "failed":
                yield _balance_change(session, refund.settled_at, refund.amount, 0, "refund_failure", refund.id)


def _balance_change(session: CardSession, at: datetime, gross: int, fee: int, category: str, source: str) -> Row:
    currency = session.currency.upper()
    digits, stripes = get_currency_precision(currency), units(currency)[1]

    def whole(amount: int) -> str:
        return f"{amount / stripes:.{max(digits, 2)}f}"

    amounts = whole(gross), whole(fee), whole(gross - fee)
    return f"txn_{source}", f"{at:%Y-%m-%d %H:%M:%S}", currency.lower(), *amounts, category, source, session.intent
