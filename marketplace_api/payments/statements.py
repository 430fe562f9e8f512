"""An artisan's statement: the ledger entries of the account, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace_api.models import Artisan, Assignment, LedgerEntry, Order, Payout
from marketplace_api.payments import ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

MAX_LINES = 1000
"""The largest number of lines of one statement."""


@dataclass(frozen=True, slots=True)
class EntrySubject:
    """The codes of the order and the payout that a line is about."""

    order: str | None = None
    payout: str | None = None


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """A line. `what` is the first word of the entry's key; positive amounts are in the artisan's favour."""

    at: datetime
    what: str
    note: str
    subject: EntrySubject
    amount: int
    balance: int


@dataclass(frozen=True, slots=True)
class ArtisanStatement:
    """The amount owed to the artisan at the beginning, each entry, and the amount owed at the end, in minor units.

    An amount that a provider is paying does not count as owed; it counts again if it is not paid.
    """

    opening: int
    lines: Sequence[StatementEntry]

    @property
    def closing(self) -> int:
        return self.lines[-1].balance if self.lines else self.opening


def statement_of(
    shop: Shop, artisan: Artisan, since: datetime | None = None, until: datetime | None = None
) -> ArtisanStatement:
    """The statement from `since` on, before `until`; `Refused` with `statement_too_long` above `MAX_LINES` lines."""
    account = ledger.artisan_account(artisan.id)
    rows = ledger.lines(shop, account, since, until, limit=MAX_LINES + 1)
    if len(rows) > MAX_LINES:
        raise Refused("statement_too_long", most=MAX_LINES)
    opening = -ledger.balance_before(shop, account, since) if since else 0
    return ArtisanStatement(opening, list(_lines(shop, rows, opening)))


def _lines(shop: Shop, rows: Sequence[tuple[LedgerEntry, int]], balance: int) -> Iterator[StatementEntry]:
    subjects = _subjects(shop, [_subject_id(entry.key) for entry, _ in rows])
    for entry, debit in rows:
        balance -= debit
        what, subject = entry.key.partition(":")[0], subjects.get(_subject_id(entry.key), EntrySubject())
        yield StatementEntry(entry.at, what, entry.note, subject, -debit, balance)


def _subject_id(key: str) -> str:
    """The id of the part or payout in a key: `earned:412`, `sent:pay_1:2`, `reversal:sent:pay_1:2`."""
    return key.rpartition("reversal:")[2].split(":")[1]


def _subjects(shop: Shop, ids: Iterable[str]) -> Mapping[str, EntrySubject]:
    unique = set(ids)
    parts = select(Assignment.id, Order.code).join(Assignment.order)
    earned = parts.where(Assignment.id.in_([int(id) for id in unique if id.isdecimal()]))
    paid = select(Payout.id, Order.code, Payout.code).outerjoin(Payout.order).where(Payout.id.in_(unique))
    return {str(part): EntrySubject(code) for part, code in shop.session.execute(earned)} | {
        payout: EntrySubject(order, code) for payout, order, code in shop.session.execute(paid)
    }
