"""The inventory of personal data, docs/data.md and the database name the same tables and columns."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from sqlalchemy import JSON, LargeBinary, String

from bot.migrations.upgrade import MIGRATED
from bot.persons.inventory import NOT_PERSONAL, PERSONAL
from bot.simulator import tables as simulator

PAGE = (Path(__file__).parents[3] / "docs/data.md").read_text()
TABLES = [table for metadata in (*MIGRATED, simulator.metadata) for table in metadata.sorted_tables]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def documented() -> dict[str, set[str]]:
    """The personal columns of each table, by docs/data.md."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.partition("## Who sees what")[0], re.MULTILINE)
    return {table: names(columns) for table, columns in rows}


def test_every_column_of_text_json_or_bytes_is_in_the_inventory() -> None:
    stored: defaultdict[str, set[str]] = defaultdict(set)
    for table in TABLES:
        columns = {column.name for column in table.columns if isinstance(column.type, String | JSON | LargeBinary)}
        stored[table.name] |= columns
    known = {name: {*PERSONAL.get(name, ()), *NOT_PERSONAL.get(name, ())} for name in {*PERSONAL, *NOT_PERSONAL}}
    assert known == stored


def test_no_column_is_called_personal_and_not_personal() -> None:
    assert not [name for name in PERSONAL if PERSONAL[name].keys() & NOT_PERSONAL.get(name, frozenset())]


def test_the_page_has_every_table_and_every_personal_column() -> None:
    assert documented() == {name: set(columns) for name, columns in PERSONAL.items()}
    (others,) = re.findall(r"^No personal data are in ((?:.|\n)*?)\. A key", PAGE, re.MULTILINE)
    assert names(others) == {table.name for table in TABLES} - PERSONAL.keys() | {"alembic_version"}
