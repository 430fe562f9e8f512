"""While a new version is installed, the one before works with the new tables: each revision only adds to them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from bot.db.engine import create_engine
from bot.migrations import upgrade

LAST_WITHOUT_RULE = "0040"
"""Revisions up to this one were never installed while people called."""
Tables = dict[str, dict[str, Any]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path}/soko.db")
    yield engine
    engine.dispose()


def revisions() -> list[tuple[str, Any]]:
    """All revisions, the oldest first, and the module of each."""
    config = Config()
    config.set_main_option("script_location", str(upgrade.SCRIPTS))
    walked = ScriptDirectory.from_config(config).walk_revisions()
    return [(script.revision, script.module) for script in walked][::-1]


def tables(engine: Engine) -> Tables:
    """The columns of each table by name, and under `unique` the columns that are unique together."""
    inspector = inspect(engine)
    found: Tables = {}
    for name in inspector.get_table_names():
        unique = [index["column_names"] for index in inspector.get_indexes(name) if index["unique"]]
        unique += [constraint["column_names"] for constraint in inspector.get_unique_constraints(name)]
        found[name] = {column["name"]: column for column in inspector.get_columns(name)}
        found[name]["unique"] = {frozenset(columns) for columns in unique}
    return found


def broken_by(before: Tables, after: Tables) -> Iterator[str]:
    """What a version that knows the tables `before` cannot do with those `after`."""
    for table, columns in before.items():
        if table not in after:
            yield f"{table} is gone"
            continue
        yield from _broken_in(table, columns, after[table])


def _broken_in(table: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    known, now = before.keys() - {"unique"}, after.keys() - {"unique"}
    yield from (f"{table}.{name} is gone" for name in known - now)
    for name in now:
        is_needed = not after[name]["nullable"] and after[name]["default"] is None
        if name not in known and is_needed:
            yield f"{table}.{name} is needed in every new row"
        if name in known and is_needed and (before[name]["nullable"] or before[name]["default"] is not None):
            yield f"{table}.{name} is needed in every new row now"
    stricter: Set[frozenset[str]] = after["unique"] - before["unique"]
    yield from (f"{table}: {sorted(columns)} is unique now" for columns in stricter if columns <= known)


def broken_by_revision(engine: Engine, before: str, revision: str) -> list[str]:
    upgrade.move(engine, before)
    old = tables(engine)
    upgrade.move(engine, revision)
    return sorted(broken_by(old, tables(engine)))


def test_a_revision_only_adds_or_says_since_when_nothing_uses_what_it_removes(engine: Engine) -> None:
    numbers = [number for number, _ in revisions()]
    broken = {
        number: broken_by_revision(engine, numbers[at - 1], number)
        for at, (number, module) in enumerate(revisions())
        if number > LAST_WITHOUT_RULE and not hasattr(module, "CONTRACTS")
    }

    assert {number: what for number, what in broken.items() if what} == {}


def test_a_column_that_is_removed_and_one_that_is_needed_are_found(engine: Engine) -> None:
    assert broken_by_revision(engine, "0018", "0019") == [
        "product.on_hand is needed in every new row",
        "product.quantity is gone",
        "product.reserved is needed in every new row",
    ]


def test_a_reference_that_becomes_unique_is_found(engine: Engine) -> None:
    found = broken_by_revision(engine, "0013", "0014")

    assert "payout: ['provider', 'provider_reference'] is unique now" in found
