"""In which order events are read, although their writers do not wait for one another.

PostgreSQL numbers transactions as they begin to write. Each event has such a number, `xid`, and its own, `seq`, and
events are read in the order (xid, seq). A transaction that is still open may yet write an event with its own number or
a higher one, so only those below the number of the oldest open transaction are read: `horizon`.

A transaction may have its number for long before it locks what it changes. So an event gets no lower number than any
event that has been committed: what happened to one order stays in the order in which it happened.

SQLite has one writer, whose events become visible in the order of `seq`: there `xid` is always 0.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class next_xid(FunctionElement[int]):  # noqa: N801 - named as in SQL
    """The `xid` of an event that is written now."""

    type = BigInteger()
    inherit_cache = True


class horizon(FunctionElement[int]):  # noqa: N801 - named as in SQL
    """Every transaction that wrote or may write an event with an `xid` below this one has ended."""

    type = BigInteger()
    inherit_cache = True


@compiles(next_xid, "postgresql")
def _next_xid(element: next_xid, compiler: SQLCompiler, **_: Any) -> str:
    return "event_xid()"


@compiles(horizon, "postgresql")
def _horizon(element: horizon, compiler: SQLCompiler, **_: Any) -> str:
    return "event_horizon()"


@compiles(next_xid, "sqlite")
def _no_xid(element: next_xid, compiler: SQLCompiler, **_: Any) -> str:
    return "0"


@compiles(horizon, "sqlite")
def _no_horizon(element: horizon, compiler: SQLCompiler, **_: Any) -> str:
    return "1"


def offset(number: int) -> str:
    """The statement that defines what is added to the numbers of this PostgreSQL.

    It is 0 until events come from another PostgreSQL, which had higher numbers (`events.follow_restored`).
    """
    return f"CREATE OR REPLACE FUNCTION event_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT {number}::bigint'"


FUNCTIONS = (
    offset(0),
    # STABLE: it must look at the open transactions at the same instant as the query that it bounds
    "CREATE OR REPLACE FUNCTION event_horizon() RETURNS bigint LANGUAGE sql STABLE AS "
    "'SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + event_offset()'",
    # VOLATILE: it must see the events that were committed since the transaction began
    "CREATE OR REPLACE FUNCTION event_xid() RETURNS bigint LANGUAGE plpgsql VOLATILE AS "
    "$$ BEGIN RETURN greatest(pg_current_xact_id()::text::bigint + event_offset(), (SELECT max(xid) FROM event)); "
    "END $$",
)
"""Define what the table of events needs on PostgreSQL."""
