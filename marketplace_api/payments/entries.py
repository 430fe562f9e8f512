"""The statements that write an entry of the ledger, made once for each number of lines.

To make them takes longer than to execute them, and each step of a payment, a refund or a payout writes an entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import cast

from sqlalchemy import BigInteger, Connection, Executable, Table, bindparam, case, func, insert, literal, select, true

from marketplace_api.models import LedgerAccount, LedgerEntry, LedgerPosting

_ACCOUNT, _ENTRY, _POSTING = (cast(Table, model.__table__) for model in (LedgerAccount, LedgerEntry, LedgerPosting))
_NEW_ENTRY = (
    insert(_ENTRY).values({name: bindparam(name) for name in ("key", "note", "at", "by")}).returning(_ENTRY.c.id)
)


@dataclass(frozen=True, slots=True)
class EntryHead:
    """An entry without its lines; `key` is unique."""

    key: str
    note: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Lines:
    """The amount of each account, in their order and one currency; they sum to zero.

    The balance of `floor`, which is a purse and has no checkpoint, must not become positive.
    """

    amounts: Mapping[str, int]
    currency: str
    floor: str | None

    @property
    def values(self) -> dict[str, object]:
        values: dict[str, object] = {"currency": self.currency}
        for place, (account, amount) in enumerate(self.amounts.items()):
            values |= {f"account_{place}": account, f"amount_{place}": amount}
        if self.floor:
            values |= {"floor": self.floor, "floor_amount": self.amounts[self.floor]}
        return values


def write(conn: Connection, head: EntryHead, lines: Lines) -> int | None:
    """Write an entry and its lines; on PostgreSQL by one statement.

    Returns None if all lines are written. Otherwise none is, because an account is not open in this currency or the
    floor does not hold; the entry is there, and its id is returned.
    """
    new = {"key": head.key, "note": head.note, "at": head.at, "by": head.by}
    if conn.dialect.name == "postgresql":
        if conn.execute(_posting(len(lines.amounts), bool(lines.floor), with_entry=True), new | lines.values).all():
            return None
        entry_id: int = conn.execute(select(_ENTRY.c.id).where(_ENTRY.c.key == head.key)).scalar_one()
        return entry_id
    entry_id = conn.execute(_NEW_ENTRY, new).scalar_one()
    return None if post_lines(conn, entry_id, lines) else entry_id


def post_lines(conn: Connection, entry_id: int, lines: Lines) -> bool:
    """Post all lines of an entry that is there; False, and none is posted, for the reasons that `write` names."""
    posting = _posting(len(lines.amounts), bool(lines.floor), with_entry=False)
    return bool(conn.execute(posting, {"entry_id": entry_id} | lines.values).all())


@cache
def _posting(count: int, has_floor: bool, *, with_entry: bool) -> Executable:
    """The statement that posts `count` lines, and returns their ids, or nothing if they may not be posted."""
    account = _ACCOUNT.c.name
    names = [bindparam(f"account_{place}", type_=account.type) for place in range(count)]
    amounts = [bindparam(f"amount_{place}", type_=BigInteger) for place in range(count)]
    are_open = account.in_(names), _ACCOUNT.c.currency == bindparam("currency")
    open_count = select(func.count()).where(*are_open).correlate(None).scalar_subquery()
    conditions = [*are_open, open_count == literal(count)]
    if has_floor:
        held = select(func.coalesce(func.sum(_POSTING.c.amount), 0)).where(_POSTING.c.account == bindparam("floor"))
        conditions.append(held.scalar_subquery() + bindparam("floor_amount", type_=BigInteger) <= 0)
    entry = _NEW_ENTRY.cte("new_entry") if with_entry else None
    entry_id = bindparam("entry_id", type_=BigInteger) if entry is None else entry.c.id
    amount = case(*((account == name, amount) for name, amount in zip(names, amounts, strict=True)))
    place = case(*((account == name, literal(place)) for place, name in enumerate(names)))
    rows = select(entry_id, account, amount).where(*conditions).order_by(place)
    if entry is not None:
        rows = rows.join_from(_ACCOUNT, entry, true())
    columns = [_POSTING.c.entry_id, _POSTING.c.account, _POSTING.c.amount]
    return insert(_POSTING).from_select(columns, rows).returning(_POSTING.c.id)
