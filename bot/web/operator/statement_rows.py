"""The rows of a collector's statement that are not in our books: the act that enters them, and how a form carries them.

[["fee", "SG632NMUAB", 750, "KES"], …]      kind, reference, amount in minor units, currency
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from flask import abort
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from bot.payments.collector_books import COLLECTORS
from bot.payments.collector_statements import CollectorLine
from marketplace_api.payments import booking, ledger
from marketplace_api.payments.booking import BookingKind
from marketplace_api.shop import Shop

MOST = 100
"""Rows that are entered at once."""

_Row = tuple[
    BookingKind,
    Annotated[str, StringConstraints(min_length=1, max_length=200)],
    Annotated[int, Field(gt=0, le=ledger.MAX_AMOUNT)],
    Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")],
]
_ROWS: TypeAdapter[list[_Row]] = TypeAdapter(Annotated[list[_Row], Field(min_length=1, max_length=MOST)])


def pack(rows: Iterable[tuple[BookingKind, CollectorLine]]) -> str:
    """Rows as the text of a form's field."""
    return _ROWS.dump_json([(kind, line.reference, line.amount, line.currency) for kind, line in rows]).decode()


def _unpack(typed: Mapping[str, str]) -> Sequence[_Row]:
    """The rows of a form; a form that no page of ours made is answered 400."""
    try:
        return _ROWS.validate_json(typed["rows"])
    except ValidationError:
        abort(400)


def book(shop: Shop, account: str, typed: Mapping[str, str]) -> None:
    """Enter the rows at a collector's account, each once by its reference; `Refused` as by `booking.book`."""
    if account not in map(ledger.collector_account, COLLECTORS):
        abort(404)
    for kind, reference, amount, currency in _unpack(typed):
        booking.book(shop, kind, account, amount, reference, currency)


def amount(shop: Shop, _account: str, typed: Mapping[str, str]) -> int | None:
    """What the rows are together, in minor units of the shop's currency; None if a row has another one."""
    rows = _unpack(typed)
    is_own = all(currency == shop.terms.currency for *_, currency in rows)
    return sum(amount for _, _, amount, _ in rows) if is_own else None
