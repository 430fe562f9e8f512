"""A provider's own account of what it paid, laid beside ours.

    Receipt No.,Completion Time,Details,Withdrawn,Other Party Info
    SG632NMUAB,24-11-2026 10:15:30,Business Payment,"-1,620.00",254711000103 - AKINYI

It is CSV, as the portals of providers export it, with commas, semicolons or tabs. The first line that names a receipt
and an amount says what stands where; whatever stands above it is left alone. Days come before months: `24-11-2026`.
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
from zoneinfo import ZoneInfo

COLUMNS = {
    "receipt": ("receiptno", "receipt", "receiptnumber", "transactionreceipt", "transactionid", "reference"),
    "amount": ("withdrawn", "amount", "transactionamount", "paidout"),
    "name": ("originatorconversationid",),
    "who": ("otherpartyinfo", "receiverpartypublicname", "phone", "msisdn"),
    "at": ("completiontime", "transactioncompleteddatetime", "finalisedtime", "date", "time"),
    "details": ("details",),
    "status": ("transactionstatus", "status"),
}
"""What each column may be called, in small letters and digits alone; earlier names are better ones."""
DONE = ("completed", "success", "successful")
DAYS = ("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d")
HOURS = (" %H:%M:%S", " %H:%M", "")
_AMOUNT = re.compile(r"[+-]?([0-9]{1,3}(,[0-9]{3}){1,4}|[0-9]{1,15})(\.[0-9]{1,6})?")
_CHARGE = re.compile(r"\b(charge|fee)s?\b", re.IGNORECASE)


class UnreadableError(Exception):
    """What is wrong with the file, and at which of its lines, if at one."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {what}" if line else what)


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """A payment by the provider's account, on a line of its file; `amount` in minor units."""

    line: int
    receipt: str
    amount: int
    name: str = ""
    who: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OurPayout:
    """A payout of ours that this provider has paid; `at` is when it was asked to, `names` what else it may call it."""

    code: str
    reference: str
    amount: int
    at: datetime
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProviderStatement:
    """The payments in a file. `aside` counts lines that are none: charges, money that came in, what was not done."""

    payments: Sequence[ProviderPayment]
    aside: int = 0

    def days(self) -> tuple[date, date] | None:
        """The first and the last day in it; None when it has no dates."""
        days = [payment.at.date() for payment in self.payments if payment.at]
        return (min(days), max(days)) if days else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pairs that agree and pairs whose amounts differ; what they do not have, and what we do not have."""

    matched: list[tuple[OurPayout, ProviderPayment]] = field(default_factory=list)
    different: list[tuple[OurPayout, ProviderPayment]] = field(default_factory=list)
    missing: list[OurPayout] = field(default_factory=list)
    extra: list[ProviderPayment] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not (self.different or self.missing or self.extra)


def compare(ours: Sequence[OurPayout], account: ProviderStatement, first: date, last: date) -> Comparison:
    """Both accounts of the days from `first` to `last`.

    What either has of other days may be a partner, since what is asked for just before midnight is paid after it; but
    nobody misses it. A payment has one partner: whatever else bears its receipt is extra.
    """

    def is_of_these_days(at: datetime | None) -> bool:
        return at is None or first <= at.date() <= last

    found, alone = Comparison(), {called: one for one in ours for called in (one.reference, *one.names)}
    # a charge may bear the receipt of its payment: whoever has the right amount goes first
    for payment in sorted(account.payments, key=lambda payment: not _agrees(alone, payment)):
        one = _partner(alone, payment)
        if one is None:
            found.extra.extend([payment] if is_of_these_days(payment.at) else [])
            continue
        (found.matched if one.amount == payment.amount else found.different).append((one, payment))
        for called in (one.reference, *one.names):
            alone.pop(called, None)
    found.missing.extend(one for one in ours if one.reference in alone and is_of_these_days(one.at))
    return found


def _partner(alone: Mapping[str, OurPayout], payment: ProviderPayment) -> OurPayout | None:
    return alone.get(payment.receipt) or alone.get(payment.name)


def _agrees(alone: Mapping[str, OurPayout], payment: ProviderPayment) -> bool:
    one = _partner(alone, payment)
    return one is not None and one.amount == payment.amount


# -- reading


def read(text: str, digits: int, zone: ZoneInfo) -> ProviderStatement:
    """What the file says; times without a zone are of `zone`, and amounts have so many digits behind the point.

    `UnreadableError` when a line cannot be understood, or the whole is no such file.
    """
    lines = list(io.StringIO(text, newline=""))
    for number, line in enumerate(lines, start=1):
        for delimiter in ",;\t":
            columns = _columns(line, delimiter)
            if {"receipt", "amount"} <= columns.keys():
                return _account(_rows(lines[number:], delimiter, number), columns, digits, zone)
    raise UnreadableError("no line names a column for receipts, such as `Receipt No.`, and one for amounts")


def _columns(line: str, delimiter: str) -> dict[str, int]:
    """Which column says what, if this line names them."""
    try:
        row = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return {}
    names = [re.sub(r"[^a-z0-9]", "", cell.casefold()) for cell in row]
    chosen = {what: next((name for name in known if name in names), None) for what, known in COLUMNS.items()}
    return {what: names.index(name) for what, name in chosen.items() if name}


def _rows(lines: Sequence[str], delimiter: str, above: int) -> Iterator[tuple[int, list[str]]]:
    """Every row that says something, with the number of its last line."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(row):
                yield above + reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise UnreadableError(f"this is not CSV: {error}", above + reader.line_num) from None


def _account(
    rows: Iterable[tuple[int, list[str]]], columns: Mapping[str, int], digits: int, zone: ZoneInfo
) -> ProviderStatement:
    payments, aside = [], 0
    for line, row in rows:
        cells = {what: row[place] if place < len(row) else "" for what, place in columns.items()}
        if _is_aside(cells):
            aside += 1
        else:
            payments.append(_payment(line, cells, digits, zone))
    return ProviderStatement(payments, aside)


def _is_aside(cells: Mapping[str, str]) -> bool:
    came_in = not cells["amount"].strip("+-0.,") and bool(cells["receipt"])
    undone = bool(cells.get("status")) and cells["status"].casefold() not in DONE
    return came_in or undone or _CHARGE.search(cells.get("details", "")) is not None


def _payment(line: int, cells: Mapping[str, str], digits: int, zone: ZoneInfo) -> ProviderPayment:
    if not cells["receipt"]:
        raise UnreadableError("there is no receipt", line)
    return ProviderPayment(
        line,
        cells["receipt"],
        _amount(cells["amount"], digits, line),
        cells.get("name", ""),
        cells.get("who", ""),
        _at(cells["at"], zone, line) if "at" in cells else None,
    )


def _amount(written: str, digits: int, line: int) -> int:
    """In minor units, without its sign: portals write what was withdrawn with a minus."""
    units = Decimal(written.replace(",", "")).scaleb(digits) if _AMOUNT.fullmatch(written) else None
    if units is None or units != units.to_integral_value():
        raise UnreadableError(f"`{written}` is no amount", line)
    return abs(int(units))


def _at(written: str, zone: ZoneInfo, line: int) -> datetime:
    at = next(_readings(written, zone), None)
    if at is None:
        raise UnreadableError(f"`{written}` is no time", line)
    return at


def _readings(written: str, zone: ZoneInfo) -> Iterator[datetime]:
    for form in ("%Y%m%d%H%M%S", *(day + hour for day in DAYS for hour in HOURS)):
        with suppress(ValueError):
            yield datetime.strptime(written, form).replace(tzinfo=zone)
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(written)
        yield at.astimezone(zone) if at.tzinfo else at.replace(tzinfo=zone)
