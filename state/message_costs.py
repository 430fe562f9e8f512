"""Sums over sent messages: their number, segments and cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Numeric, case, cast, func, select, tuple_

from state.tables import message

By = Literal["day", "dialogue", "order"]


@dataclass(frozen=True, slots=True)
class CostTotal:
    """The messages of one key and one currency of their price; the currency is "" for messages without a price."""

    key: str
    currency: str
    texts: int
    segments: int
    cost: Decimal


def totals(
    conn: Connection,
    by: By,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[CostTotal]:
    """The totals by day, dialogue or order, the last key first; `after` is the key and currency of the last one seen.

    Messages that were not sent are not counted. Days are UTC.
    """
    c = message.c
    key, currency = _key(conn, by), func.coalesce(_currency(), "")
    asked = [c.direction == "out", c.sent_at.is_not(None), key.is_not(None)]
    asked += [c.created_at >= since] if since else []
    asked += [c.created_at < until] if until else []
    asked += [tuple_(key, currency) < after] if after else []
    paid = func.sum(func.coalesce(cast(func.substr(_priced(), 5), Numeric(18, 6)), 0))
    summed = select(key, currency, func.count(), func.sum(c.segments), paid).where(*asked)
    rows = conn.execute(summed.group_by(key, currency).order_by(key.desc(), currency.desc()).limit(limit))
    return [
        CostTotal(key, currency, texts, segments, Decimal(str(cost))) for key, currency, texts, segments, cost in rows
    ]


def _key(conn: Connection, by: By) -> ColumnElement[Any]:
    c = message.c
    if by == "dialogue":
        return c.dialogue
    if by == "order":
        return case((c.about.startswith("ord_", autoescape=True), c.about))
    if conn.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%d", c.created_at)
    return func.to_char(func.timezone("UTC", c.created_at), "YYYY-MM-DD")


def _priced() -> ColumnElement[Any]:
    """The price if it has the form `KES 0.8000`; providers write other things too."""
    return case((message.c.cost.like("___ %"), message.c.cost))


def _currency() -> ColumnElement[Any]:
    return func.substr(_priced(), 1, 3)
