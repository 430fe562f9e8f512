"""The whole service in one process, over a copy of a migrated database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.playground.harness import MONDAY, OPERATOR_KEY, open_harness
from bot.playground.harness import Harness as Service
from tests import fast_hashes
from tests.compiled import share_routes
from tests.databases import engine_for, migrated_sqlite

__all__ = ["MONDAY", "OPERATOR_KEY", "Service", "serving"]

share_routes()
fast_hashes.use()


@contextmanager
def serving(folder: Path, *, with_demo: bool = False, **settings: Any) -> Iterator[Service]:
    """The service over a migrated database: SQLite in `folder` unless `database_url` names another.

    `with_demo` fills it with the demo data. Settings are those of the environment, in lower case.
    """
    url = settings.setdefault("database_url", migrated_sqlite(folder / "soko.db"))
    with open_harness(folder, with_demo=with_demo, engine=engine_for(url), **settings) as service:
        yield service
