"""Events that come from another PostgreSQL, by a dump or by replication, and what was written there.

Another PostgreSQL numbers its transactions by itself. If it has got less far, it would hand out numbers for years that
the restored events have already, and none of those would be below the oldest open transaction: nobody would read them.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from marketplace_api.event_order import offset
from marketplace_api.models import Event


def follow(conn: Connection) -> bool:
    """Number transactions so that they follow those of all stored events; False if they do already.

    Waits for open transactions that write events. Nothing stored changes: not the events, nor their order, nor cursors.
    """
    if conn.dialect.name != "postgresql" or not _is_behind(conn):
        return False
    conn.execute(text("LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE"))
    if not _is_behind(conn):  # another process has done it meanwhile
        return False
    conn.execute(text(offset(_highest(conn) + 1 - _own_number(conn))))
    return True


def _is_behind(conn: Connection) -> bool:
    """True if an event has a number that no transaction here has had."""
    # in this order: if a transaction begins in between, its events are not counted
    highest = _highest(conn)
    added: int = conn.scalars(select(func.event_offset())).one()
    return highest >= _own_number(conn) + added


def _highest(conn: Connection) -> int:
    return conn.scalar(select(func.max(Event.xid))) or 0


def _own_number(conn: Connection) -> int:
    """The number of this transaction, above that of all before it."""
    return int(conn.scalars(text("SELECT pg_current_xact_id()::text")).one())
