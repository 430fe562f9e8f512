"""Exports everything that is stored of a person, as JSON for people to read: one list for each table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, cast, false, or_, select
from sqlalchemy.orm import Session

from bot.persons import subject, traces
from bot.persons.inventory import PERSONAL
from bot.persons.subject import DataSubject

BELONGS_TO: Mapping[str, tuple[str, str]] = {
    "artisan": ("id", "artisan_ids"),
    "product": ("artisan_id", "artisan_ids"),
    "photo": ("product_id", "product_ids"),
    "assignment": ("artisan_id", "artisan_ids"),
    "payout": ("artisan_id", "artisan_ids"),
    "ledger_posting": ("account", "accounts"),
    "order": ("id", "order_ids"),
    "buyer_payment": ("order_id", "order_ids"),
    "refund": ("order_id", "order_ids"),
    "brief": ("order_id", "order_ids"),
    "order_timeline": ("order_id", "order_ids"),
}
"""The tables whose rows belong to a person by an id: the column, and the ids."""
HIDDEN = "(secret)"
"""Stands for hashes of PINs and codes, which are of use only to a thief."""


def export(session: Session, msisdn: str, now: datetime) -> dict[str, Any]:
    """Everything of this phone, also for one that is not known: its lists are then empty."""
    known = subject.find(session, msisdn)
    conn = session.connection()
    rows = {table.name: list(_rows(conn, table, known)) for table in traces.tables(conn)}
    return {
        "phone": msisdn,
        "exported_at": now.isoformat(),
        "stored": {name: found for name, found in rows.items() if found},
        "photo_files": sorted(f"{id}{ending}" for id in known.photo_ids for ending in (".jpg", "-small.jpg")),
    }


def _rows(conn: Connection, table: Table, known: DataSubject) -> Iterator[dict[str, Any]]:
    concerned = list(_concerning(table, known))
    if not concerned:
        return
    wanted = select(table).where(or_(*concerned)).order_by(*table.primary_key)
    for row in conn.execute(wanted).mappings():
        yield {column.name: _readable(table, column.name, row[column.name]) for column in table.columns}


def _concerning(table: Table, known: DataSubject) -> Iterator[ColumnElement[bool]]:
    """The conditions under which a row is about the person."""
    ids = {
        "artisan_ids": {known.artisan_id},
        "product_ids": known.product_ids,
        "order_ids": known.order_ids,
        "accounts": {f"artisan:{known.artisan_id}"},
    }
    if table.name in BELONGS_TO:
        column, kind = BELONGS_TO[table.name]
        yield table.c[column].in_(ids[kind])
    for name, kind in PERSONAL.get(table.name, {}).items():
        column_of_kind = table.c[name]
        if kind == "number":
            yield column_of_kind.endswith(known.msisdn, autoescape=True)
        elif kind in ("document", "json"):
            text = cast(column_of_kind, Text)
            yield or_(false(), *[text.contains(id, autoescape=True) for id in (known.msisdn, *sorted(known.ids))])


def _readable(table: Table, column: str, value: Any) -> Any:
    """A value as JSON has it; the bytes of a conversation are JSON already."""
    if PERSONAL.get(table.name, {}).get(column) == "secret" and value is not None:
        return HIDDEN
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes() | memoryview():
            return _parsed(bytes(value).decode("utf-8", "replace"))
        case str() if PERSONAL.get(table.name, {}).get(column) == "json":
            return _parsed(value)
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
