"""Compares a provider's statement of its payments with our payouts.

    Receipt No.,Completion Time,Details,Withdrawn,Other Party Info
    SG632NMUAB,24-11-2026 10:15:30,Business Payment,"-1,620.00",254711000103 - AKINYI

A statement is CSV, as the portals of providers export it, with commas, semicolons or tabs. The first line that names a
column for receipts and one for amounts is the heading; the lines above it are ignored. Dates have the day before the
month: `24-11-2026`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

ColumnName = Literal["receipt", "amount", "name", "recipient", "paid_at", "details", "status"]
COLUMNS: Mapping[ColumnName, Sequence[str]] = {
    "receipt": ("receiptno", "receipt", "receiptnumber", "transactionreceipt", "transactionid", "reference"),
    "amount": ("withdrawn", "amount", "transactionamount", "paidout"),
    "name": ("originatorconversationid",),
    "recipient": ("otherpartyinfo", "receiverpartypublicname", "phone", "msisdn"),
    "paid_at": ("completiontime", "transactioncompleteddatetime", "finalisedtime", "date", "time"),
    "details": ("details",),
    "status": ("transactionstatus", "status"),
}
"""The headings that a column may have, as lower-case letters and digits; the first one that a file has is used."""
COMPLETED = ("completed", "success", "successful")
DATES = ("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d")
TIMES = (" %H:%M:%S", " %H:%M", "")
_AMOUNT = re.compile(r"[+-]?([0-9]{1,3}(,[0-9]{3}){1,4}|[0-9]{1,15})(\.[0-9]{1,6})?")
_CHARGE = re.compile(r"\b(charge|fee)s?\b", re.IGNORECASE)


class UnreadableStatementError(Exception):
    """A file cannot be read; the message has the problem and, if known, the line."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment on a line of a statement. `amount` is in minor units; `name` is the id that we gave the payment."""

    line: int
    receipt: str
    amount: int
    name: str = ""
    recipient: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OurPayout:
    """A payout that this provider has paid, by our ledger. `names` are the payment's ids besides its receipt."""

    code: str
    reference: str
    amount: int
    sent_at: datetime
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProviderStatement:
    """The payments in a file. `skipped` counts other lines: charges, money that came in, payments not completed."""

    payments: Sequence[ProviderPayment]
    skipped: int = 0

    def days(self) -> tuple[date, date] | None:
        """The first and the last day; None when the statement has no dates."""
        days = [payment.paid_at.date() for payment in self.payments if payment.paid_at]
        return (min(days), max(days)) if days else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pairs with equal amounts, pairs with different amounts, payouts only of ours, payments only of the provider."""

    matched: list[tuple[OurPayout, ProviderPayment]] = field(default_factory=list)
    different: list[tuple[OurPayout, ProviderPayment]] = field(default_factory=list)
    missing: list[OurPayout] = field(default_factory=list)
    extra: list[ProviderPayment] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not (self.different or self.missing or self.extra)


def compare(ours: Sequence[OurPayout], statement: ProviderStatement, first: date, last: date) -> Comparison:
    """Compare our payouts with a statement for the days from `first` to `last`.

    A payout or payment of another day may be part of a pair, because a payout that is sent just before midnight is paid
    after it; but it is never reported as missing or extra. A payout is in one pair at most: any further payment with
    its receipt is extra.
    """

    def is_in_range(at: datetime | None) -> bool:
        return at is None or first <= at.date() <= last

    comparison = Comparison()
    unpaired = {name: payout for payout in ours for name in (payout.reference, *payout.names)}
    # a charge may have the receipt of its payment: payments with the right amount are paired first
    for payment in sorted(statement.payments, key=lambda payment: not _matches(unpaired, payment)):
        payout = _partner(unpaired, payment)
        if payout is None:
            comparison.extra.extend([payment] if is_in_range(payment.paid_at) else [])
            continue
        pairs = comparison.matched if payout.amount == payment.amount else comparison.different
        pairs.append((payout, payment))
        for name in (payout.reference, *payout.names):
            unpaired.pop(name, None)
    comparison.missing.extend(payout for payout in ours if payout.reference in unpaired and is_in_range(payout.sent_at))
    return comparison


def _partner(unpaired: Mapping[str, OurPayout], payment: ProviderPayment) -> OurPayout | None:
    return unpaired.get(payment.receipt) or unpaired.get(payment.name)


def _matches(unpaired: Mapping[str, OurPayout], payment: ProviderPayment) -> bool:
    payout = _partner(unpaired, payment)
    return payout is not None and payout.amount == payment.amount


# -- reading


def text_of(file: bytes) -> str:
    """The text of a statement's file. Raises UnreadableStatementError."""
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableStatementError("this is not text in UTF-8; export it as CSV, not as a spreadsheet") from None


def read(text: str, digits: int, zone: ZoneInfo) -> ProviderStatement:
    """The statement in a file's text. Times without a zone are in `zone`; a currency unit has `digits` decimal places.

    Raises UnreadableStatementError if there is no heading, or if a line cannot be read.
    """
    lines = list(io.StringIO(text, newline=""))
    for number, line in enumerate(lines, start=1):
        for delimiter in ",;\t":
            columns = _columns(line, delimiter)
            if {"receipt", "amount"} <= columns.keys():
                return _statement(_rows(lines[number:], delimiter, number), columns, digits, zone)
    raise UnreadableStatementError("no line names a column for receipts, such as `Receipt No.`, and one for amounts")


def _columns(line: str, delimiter: str) -> dict[ColumnName, int]:
    """The index of each column that has a heading in this line."""
    try:
        row = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return {}
    headings = [re.sub(r"[^a-z0-9]", "", cell.casefold()) for cell in row]
    chosen = {column: next((name for name in names if name in headings), None) for column, names in COLUMNS.items()}
    return {column: headings.index(heading) for column, heading in chosen.items() if heading}


def _rows(lines: Sequence[str], delimiter: str, above: int) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not empty, with the number of its last line in the file, where `lines` begin after `above`."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(row):
                yield above + reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise UnreadableStatementError(f"this is not CSV: {error}", above + reader.line_num) from None


def _statement(
    rows: Iterable[tuple[int, list[str]]], columns: Mapping[ColumnName, int], digits: int, zone: ZoneInfo
) -> ProviderStatement:
    payments, skipped = [], 0
    for line, row in rows:
        cells = {column: row[index] if index < len(row) else "" for column, index in columns.items()}
        if _is_no_payment(cells):
            skipped += 1
        else:
            payments.append(_payment(line, cells, digits, zone))
    return ProviderStatement(payments, skipped)


def _is_no_payment(cells: Mapping[ColumnName, str]) -> bool:
    is_incoming = not cells["amount"].strip("+-0.,") and bool(cells["receipt"])
    is_incomplete = bool(cells.get("status")) and cells["status"].casefold() not in COMPLETED
    return is_incoming or is_incomplete or _CHARGE.search(cells.get("details", "")) is not None


def _payment(line: int, cells: Mapping[ColumnName, str], digits: int, zone: ZoneInfo) -> ProviderPayment:
    if not cells["receipt"]:
        raise UnreadableStatementError("there is no receipt", line)
    return ProviderPayment(
        line,
        cells["receipt"],
        _amount(cells["amount"], digits, line),
        cells.get("name", ""),
        cells.get("recipient", ""),
        read_time(cells["paid_at"], zone, line) if "paid_at" in cells else None,
    )


def _amount(written: str, digits: int, line: int) -> int:
    """The amount in minor units, without its sign: portals write withdrawals with a minus."""
    units = Decimal(written.replace(",", "")).scaleb(digits) if _AMOUNT.fullmatch(written) else None
    if units is None or units != units.to_integral_value():
        raise UnreadableStatementError(f"`{written}` is not an amount", line)
    return abs(int(units))


def read_time(written: str, zone: ZoneInfo, line: int) -> datetime:
    """A time as portals write it. Raises UnreadableStatementError."""
    time = next(_possible_times(written, zone), None)
    if time is None:
        raise UnreadableStatementError(f"`{written}` is not a time", line)
    return time


def _possible_times(written: str, zone: ZoneInfo) -> Iterator[datetime]:
    for form in ("%Y%m%d%H%M%S", *(day + time for day in DATES for time in TIMES)):
        with suppress(ValueError):
            yield datetime.strptime(written, form).replace(tzinfo=zone)
    with suppress(ValueError, OverflowError):
        time = datetime.fromisoformat(written)
        yield time.astimezone(zone) if time.tzinfo else time.replace(tzinfo=zone)
