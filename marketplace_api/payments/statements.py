"""Statements of artisans and storefronts: the ledger entries of an account, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from marketplace_api.models import Artisan, Assignment, LedgerEntry, Order, Payout, Settlement
from marketplace_api.payments import ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

MAX_LINES = 1000
"""The largest number of lines of one statement."""


@dataclass(frozen=True, slots=True)
class EntrySubject:
    """What a line is about: the codes of the order and the payout, and references of the storefront's own."""

    order: str | None = None
    payout: str | None = None
    external_ref: str | None = None
    """The storefront's own reference of the order."""
    settlement: str | None = None
    """The reference of the settlement."""


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """A line. `what` is the first word of the entry's key; amounts have the sign of the statement."""

    at: datetime
    what: str
    note: str
    subject: EntrySubject
    amount: int
    balance: int


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """The amount owed at the beginning, each entry, and the amount owed at the end, in minor units."""

    opening: int
    lines: Sequence[StatementEntry]

    @property
    def closing(self) -> int:
        return self.lines[-1].balance if self.lines else self.opening


def of_artisan(
    shop: Shop, artisan: Artisan, since: datetime | None = None, until: datetime | None = None
) -> AccountStatement:
    """What the artisan is owed, from `since` on, before `until`. Positive amounts are in the artisan's favour.

    An amount that a provider is paying does not count as owed; it counts again if it is not paid. `Refused` with
    `statement_too_long` above `MAX_LINES` lines.
    """
    return _statement(shop, ledger.artisan_account(artisan.id), -1, since, until)


def of_storefront(
    shop: Shop, key_id: str, since: datetime | None = None, until: datetime | None = None
) -> AccountStatement:
    """What the storefront owes us, from `since` on, before `until`. Positive amounts are in our favour.

    `Refused` with `statement_too_long` above `MAX_LINES` lines.
    """
    return _statement(shop, ledger.storefront_account(key_id), 1, since, until)


def _statement(
    shop: Shop, account: str, sign: Literal[1, -1], since: datetime | None, until: datetime | None
) -> AccountStatement:
    rows = ledger.lines(shop, account, since, until, limit=MAX_LINES + 1)
    if len(rows) > MAX_LINES:
        raise Refused("statement_too_long", most=MAX_LINES)
    opening = sign * ledger.balance_before(shop, account, since) if since else 0
    return AccountStatement(opening, list(_lines(shop, rows, opening, sign)))


def _lines(
    shop: Shop, rows: Sequence[tuple[LedgerEntry, int]], balance: int, sign: Literal[1, -1]
) -> Iterator[StatementEntry]:
    subjects = _subjects(shop, [_subject_id(entry.key) for entry, _ in rows])
    for entry, debit in rows:
        balance += sign * debit
        what, subject = entry.key.partition(":")[0], subjects.get(_subject_id(entry.key), EntrySubject())
        yield StatementEntry(entry.at, what, entry.note, subject, sign * debit, balance)


def _subject_id(key: str) -> str:
    """The id in a key, such as that of a part or payout: `earned:412`, `sent:pay_1:2`, `reversal:sent:pay_1:2`."""
    return key.rpartition("reversal:")[2].split(":")[1]


def _subjects(shop: Shop, ids: Iterable[str]) -> Mapping[str, EntrySubject]:
    unique = set(ids)
    parts = select(Assignment.id, Order.code).join(Assignment.order)
    earned = parts.where(Assignment.id.in_([int(id) for id in unique if id.isdecimal()]))
    paid = select(Payout.id, Order.code, Payout.code).outerjoin(Payout.order).where(Payout.id.in_(unique))
    vouched = select(Order.id, Order.code, Order.external_ref).where(Order.id.in_(unique))
    settled = select(Settlement.id, Settlement.reference).where(Settlement.id.in_(unique))
    return {
        **{str(part): EntrySubject(code) for part, code in shop.session.execute(earned)},
        **{payout: EntrySubject(order, code) for payout, order, code in shop.session.execute(paid)},
        **{order: EntrySubject(code, external_ref=ref) for order, code, ref in shop.session.execute(vouched)},
        **{id: EntrySubject(settlement=reference) for id, reference in shop.session.execute(settled)},
    }
