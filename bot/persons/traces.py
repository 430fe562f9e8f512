"""Finds the rows of any table in which a person can still be recognised, and rewrites them.

The tables are read from the database itself, so that a table which this version does not know is searched too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    cast,
    delete,
    inspect,
    or_,
    select,
    true,
    update,
)

from bot.persons import append_only, scrubbing
from bot.persons.inventory import PERSONAL
from bot.persons.scrubbing import Scrub

READ_AT_ONCE = 1000
IN_THEIR_STORE = ("session",)
"""Tables that another part of the program reads and writes by itself, and erases: see `state.sessions`."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A row that mentions the person: `key` is its primary key; without `values` it has to be deleted."""

    table: Table
    key: Mapping[str, Any]
    values: Mapping[str, Any] | None

    @property
    def condition(self) -> ColumnElement[bool]:
        """Selects the row."""
        return and_(*[self.table.c[name] == value for name, value in self.key.items()])


def tables(conn: Connection) -> Iterator[Table]:
    """All tables of the database, as they are, with their columns and primary keys."""
    inspector = inspect(conn)
    for name in sorted(inspector.get_table_names()):
        keys = inspector.get_pk_constraint(name)["constrained_columns"]
        columns = [
            Column(column["name"], column["type"], primary_key=column["name"] in keys)
            for column in inspector.get_columns(name)
        ]
        yield Table(name, MetaData(), *columns)


def find(conn: Connection, scrub: Scrub) -> list[Trace]:
    """Every row with a trace, and its values without it."""
    searched = (table for table in tables(conn) if table.name not in IN_THEIR_STORE)
    return [trace for table in searched for trace in in_table(conn, table, scrub)]


def in_table(conn: Connection, table: Table, scrub: Scrub, among: ColumnElement[bool] | None = None) -> Iterator[Trace]:
    """The traces in one table, or in those of its rows that `among` selects."""
    wanted = _candidates(table, scrub)
    if wanted is None or not table.primary_key.columns:
        return
    candidates = select(table).where(wanted, true() if among is None else among)
    for row in conn.execute(candidates.execution_options(yield_per=READ_AT_ONCE)).mappings():
        if trace := _trace(table, row, scrub):
            yield trace


def apply(conn: Connection, found: Sequence[Trace], scrub: Scrub) -> None:
    """Rewrite or delete these rows as they are now; a row that has gone meanwhile is left out."""
    for trace in found:
        row = conn.execute(select(trace.table).where(trace.condition)).mappings().first()
        now = _trace(trace.table, row, scrub) if row else None
        if now is None:
            continue
        if now.values is None:
            conn.execute(delete(now.table).where(now.condition))
        else:
            change = update(now.table).where(now.condition).values(now.values)
            if now.table.name in append_only.TABLES:
                append_only.change(conn, now.table.name, change)
            else:
                conn.execute(change)


def _candidates(table: Table, scrub: Scrub) -> ColumnElement[bool] | None:
    """A condition that every row with a trace fulfils; None for a table without a column that could have one."""
    conditions = [condition for column in table.columns for condition in _could_have(table, column, scrub)]
    return or_(*conditions) if conditions else None


def _could_have(table: Table, column: Column[Any], scrub: Scrub) -> Iterator[ColumnElement[bool]]:
    if isinstance(column.type, LargeBinary):
        yield column.is_not(None)  # decoded and searched in Python
    if not isinstance(column.type, String | Text | JSON):
        return
    text, kind = cast(column, Text), _kind(table, column)
    yield text.regexp_match(scrubbing.number_condition(scrub.subject.msisdn))
    searched = scrub.subject.own_words if kind in ("words", "document", "json") else frozenset()
    ids = scrub.subject.ids if kind in ("document", "json") else frozenset()
    yield from (text.contains(word, autoescape=True) for word in sorted(searched | ids))


def _trace(table: Table, row: Mapping[Any, Any], scrub: Scrub) -> Trace | None:
    """The trace in a row, or None."""
    values: dict[str, Any] = {}
    key = {column.name: row[column.name] for column in table.primary_key}
    for column in table.columns:
        value = row[column.name]
        if isinstance(value, bytes | memoryview):
            if scrub.mentions(bytes(value)):
                return Trace(table, key, None)
            continue
        scrubbed = _REPLACE.get(_kind(table, column), _numbers)(scrub, value)
        if scrubbed != value:
            values[column.name] = scrubbed
    return Trace(table, key, values) if values else None


def _kind(table: Table, column: Column[Any]) -> str:
    return PERSONAL.get(table.name, {}).get(column.name, "")


def _numbers(scrub: Scrub, value: Any) -> Any:
    """A value in which only the number is looked for."""
    if isinstance(value, str):
        return scrub.numbers(value)
    return scrub.unlinked(value) if isinstance(value, dict | list) else value


def _words(scrub: Scrub, value: Any) -> Any:
    return scrub.text(value) if isinstance(value, str) else value


def _json(scrub: Scrub, value: Any) -> Any:
    return scrub.json(value) if isinstance(value, str) else value


_REPLACE: Mapping[str, Callable[[Scrub, Any], Any]] = {
    "words": _words,
    "document": Scrub.document,
    "json": _json,
}
"""By kind of column; in all other columns only the number is replaced."""
