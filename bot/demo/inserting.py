"""Inserts many rows at once, without ORM objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Table, insert, text

from marketplace_api.models import Base
from marketplace_api.shop import Shop

BATCH_SIZE = 5000
"""Rows of one insert: more would take too much memory, fewer would need many round trips."""
BatchItem = TypeVar("BatchItem")


def enlarge_cache(shop: Shop) -> None:
    """With SQLite's default cache of 2 MB, each batch would read and write whole indexes again.

    The connection does not go back to the pool: with such a cache, each later read would take longer to begin.
    """
    if shop.session.get_bind().dialect.name == "sqlite":
        shop.session.execute(text("PRAGMA cache_size = -262144"))  # in KiB
        shop.session.connection().detach()


def batches(make: Callable[[], BatchItem], count: int) -> Iterator[list[BatchItem]]:
    items = (make() for _ in range(count))
    while batch := list(islice(items, BATCH_SIZE)):
        yield batch


def insert_rows(shop: Shop, of: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert into the table without ORM objects, which would take one and a half times as long."""
    if rows:
        shop.session.execute(insert(cast(Table, of.__table__)), rows)


def copy_rows(shop: Shop, of: type[Base], rows: Sequence[dict[str, str]]) -> None:
    """Like `insert_rows`, for columns of text only; on PostgreSQL it takes a quarter of the time."""
    if shop.session.get_bind().dialect.name != "postgresql":
        insert_rows(shop, of, rows)
        return
    cursor = shop.session.connection().connection.cursor()
    with cursor.copy(f"COPY {of.__tablename__} ({', '.join(rows[0])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))
