"""Reads a collector's statement, and compares it with our books: what came in, went back, was kept and was moved.

    Receipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Other Party Info
    SG632NMUAB,24-11-2026 10:15:30,Pay Bill from 254711000103 Acc. K7P4,Completed,"1,500.00",,254711000103 - AKINYI

    balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,payment_intent_id
    txn_1,2026-11-24 07:15:30,usd,34.75,1.30,33.45,charge,ch_1,pi_1

The first is an organisation's statement of M-PESA, the second Stripe's report *Itemized balance change from activity*.
Both are CSV, as the portals export it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from bot.payments.reconciliation import COMPLETED, UnreadableStatementError, read_time

Kind = Literal["paid_in", "given_back", "fee", "top_up", "withdrawal", "other"]
"""`given_back` is negative where a refund came back. `other` concerns no buyer: a payout, a dispute, anything new."""
_FEE = re.compile(r"\b(charge|fee)s?\b", re.IGNORECASE)
_REVERSAL = re.compile(r"\breversal\b", re.IGNORECASE)
_FROM_BANK = re.compile(r"\bdeposit\b|\bfloat\b|\btop.?up\b", re.IGNORECASE)
_TO_BANK = re.compile(r"\b(bank|settlement|organi[sz]ation withdrawal)\b", re.IGNORECASE)
_STRIPE_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("charge",), "paid_in"),
    **dict.fromkeys(("refund", "refund_failure", "partial_capture_reversal"), "given_back"),
    **dict.fromkeys(("fee", "network_cost", "tax"), "fee"),
    "topup": "top_up",
    "topup_reversal": "top_up",
    **dict.fromkeys(("payout", "payout_reversal"), "withdrawal"),
}
"""By Stripe's `reporting_category`. https://docs.stripe.com/reports/reporting-categories"""
M_PESA_COLUMNS = ("receiptno", "completiontime", "paidin", "withdrawn", "details")
STRIPE_COLUMNS = ("balancetransactionid", "createdutc", "currency", "gross", "fee", "reportingcategory", "sourceid")


@dataclass(frozen=True, slots=True)
class CollectorLine:
    """A line: `amount` minor units of `currency`, positive in the direction of its kind, and the `fee` kept of it.

    `reference` is the provider's own, and `names` are all by which we may know it.
    """

    line: int
    kind: Kind
    reference: str
    names: frozenset[str]
    amount: int
    currency: str
    at: datetime
    details: str
    fee: int = 0


@dataclass(frozen=True, slots=True)
class OurEntry:
    """What came in or went back by our books, as `id`; `fee` is None where no fee is entered with it."""

    id: str
    kind: Kind
    names: frozenset[str]
    amount: int
    currency: str
    at: datetime
    fee: int | None = None

    def on(self, zone: ZoneInfo) -> OurEntry:
        """The same, with the time of a place."""
        return replace(self, at=self.at.astimezone(zone))


@dataclass(slots=True)
class StatementComparison:
    """What agrees, and every difference.

    `missing` is in our books alone, `extra` in the statement alone. Of `fees`, another fee was kept than is entered.
    `moved` are fees, top-ups and withdrawals without a buyer; `other` concerns neither buyers nor our bank account.
    """

    matched: list[tuple[OurEntry, CollectorLine]] = field(default_factory=list)
    different: list[tuple[OurEntry, CollectorLine]] = field(default_factory=list)
    fees: list[tuple[OurEntry, CollectorLine]] = field(default_factory=list)
    missing: list[OurEntry] = field(default_factory=list)
    extra: list[CollectorLine] = field(default_factory=list)
    moved: list[CollectorLine] = field(default_factory=list)
    other: list[CollectorLine] = field(default_factory=list)


def compare(ours: Sequence[OurEntry], lines: Sequence[CollectorLine], first: date, last: date) -> StatementComparison:
    """Pair what buyers paid and got back by the provider's names, each once.

    What is of another day than those from `first` to `last` may be in a pair, but is never missing or extra. A refund
    that came back is one line against it, and one for it: the two are as if there were none.
    """
    found = StatementComparison()
    unpaired = {(entry.kind, name): entry for entry in ours for name in entry.names}
    for line in _without_returned(lines):
        if line.kind in ("fee", "top_up", "withdrawal", "other"):
            if first <= line.at.date() <= last:
                (found.other if line.kind == "other" else found.moved).append(line)
            continue
        entry = next((unpaired[line.kind, name] for name in line.names if (line.kind, name) in unpaired), None)
        if entry is None:
            found.extra.extend([line] if first <= line.at.date() <= last else [])
            continue
        for name in entry.names:
            del unpaired[entry.kind, name]
        is_same = (entry.amount, entry.currency) == (line.amount, line.currency)
        (found.matched if is_same else found.different).append((entry, line))
        if (entry.fee or 0) != line.fee:
            found.fees.append((entry, line))
    left = {(entry.kind, entry.id): entry for entry in unpaired.values()}
    found.missing.extend(entry for entry in left.values() if first <= entry.at.date() <= last)
    return found


def _without_returned(lines: Sequence[CollectorLine]) -> Sequence[CollectorLine]:
    """The lines without refunds that came back, and their return."""
    returned = {line.reference for line in lines if line.kind == "given_back" and line.amount < 0}
    return [line for line in lines if line.kind != "given_back" or line.reference not in returned]


# -- reading


def read(text: str, zone: ZoneInfo, currency: str) -> Sequence[CollectorLine]:
    """The lines of a statement. M-PESA's times are in `zone` and its amounts in `currency`; Stripe's name their own.

    Raises UnreadableStatementError if the headings are those of neither, or if a line cannot be read.
    """
    lines = io.StringIO(text, newline="").readlines()
    for above, heading in enumerate(lines, start=1):
        names = [re.sub(r"[^a-z0-9]", "", cell.casefold()) for cell in next(csv.reader([heading]), [])]
        if set(M_PESA_COLUMNS) <= set(names):
            return list(_m_pesa(_rows(lines[above:], names, above), zone, currency))
        if set(STRIPE_COLUMNS) <= set(names):
            return list(_stripe(_rows(lines[above:], names, above), zone))
    raise UnreadableStatementError("no line has the headings of M-PESA's or Stripe's statement")


def _rows(lines: Sequence[str], names: Sequence[str], above: int) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                cells = [cell.strip() for cell in row] + [""] * (len(names) - len(row))
                yield above + reader.line_num, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise UnreadableStatementError(f"this is not CSV: {error}", above + reader.line_num) from None


def _m_pesa(rows: Iterator[tuple[int, Mapping[str, str]]], zone: ZoneInfo, currency: str) -> Iterator[CollectorLine]:
    for line, cells in rows:
        status = cells.get("transactionstatus", "").casefold()
        if status and status not in COMPLETED:
            continue
        receipt, details = cells["receiptno"], cells["details"]
        if not receipt:
            raise UnreadableStatementError("there is no receipt", line)
        paid_in = _amount(cells["paidin"], currency, line)
        withdrawn = _amount(cells["withdrawn"], currency, line)
        kind = _m_pesa_kind(details, is_in=paid_in != 0)
        amount = abs(paid_in) or abs(withdrawn)
        at = read_time(cells["completiontime"], zone, line)
        yield CollectorLine(line, kind, receipt, frozenset({receipt}), amount, currency, at, details)


def _m_pesa_kind(details: str, *, is_in: bool) -> Kind:
    if is_in:
        return "top_up" if _FROM_BANK.search(details) else "other" if _REVERSAL.search(details) else "paid_in"
    if _FEE.search(details):
        return "fee"
    if _REVERSAL.search(details):
        return "given_back"
    return "withdrawal" if _TO_BANK.search(details) else "other"


def _stripe(rows: Iterator[tuple[int, Mapping[str, str]]], zone: ZoneInfo) -> Iterator[CollectorLine]:
    for line, cells in rows:
        currency = cells["currency"].upper()
        kind = _STRIPE_KINDS.get(cells["reportingcategory"], "other")
        gross, fee = (_amount(cells[name], currency, line) for name in ("gross", "fee"))
        own = cells["paymentintentid"] if kind == "paid_in" and cells.get("paymentintentid") else cells["sourceid"]
        reference = own or cells["balancetransactionid"]
        names = frozenset({reference, cells["sourceid"]} - {""})
        out = kind in ("given_back", "withdrawal")
        amount = fee or -gross if kind == "fee" else -gross if out else gross
        at = read_time(cells["createdutc"], ZoneInfo("UTC"), line).astimezone(zone)
        kept = 0 if kind == "fee" else fee
        yield CollectorLine(line, kind, reference, names, amount, currency, at, cells["reportingcategory"], kept)


def _amount(written: str, currency: str, line: int) -> int:
    """The amount in minor units, with its sign; 0 for an empty cell."""
    try:
        units = Decimal(written.replace(",", "") or 0).scaleb(get_currency_precision(currency))
    except InvalidOperation:
        raise UnreadableStatementError(f"`{written}` is not an amount", line) from None
    if not units.is_finite() or units != units.to_integral_value() or abs(units) > 10**15:
        raise UnreadableStatementError(f"`{written}` is not an amount of {currency}", line)
    return int(units)


def days(lines: Sequence[CollectorLine]) -> tuple[date, date] | None:
    """The first and the last day of a statement; None if it has no lines."""
    found = [line.at.date() for line in lines]
    return (min(found), max(found)) if found else None
