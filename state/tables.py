"""Every table of `state`, on one `metadata`, and an insert that does nothing if the key exists.

The tables are in one file so that all of them are known when a database is created or migrated.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy_utc import UtcDateTime

# Constraints have names, because a migration can only drop a constraint that has one.
metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "pk": "%(table_name)s_pkey",
    }
)

# SQLite assigns ids only to a column that is declared INTEGER.
_serial = BigInteger().with_variant(Integer, "sqlite")

session = Table(
    "session",
    metadata,
    Column("msisdn", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # empty before the first save
    Column("expires_at", Double, nullable=False, index=True),  # Unix seconds, read by raw cursors
    Column("holder", Text, nullable=False, server_default=text("''")),  # empty while nobody has claimed the person
    Column("held_until", Double, nullable=False, server_default="0"),
    Column("left_by", Text, nullable=False, server_default=text("''")),  # the holder before, if it did not release
)

fence = Table(
    "fence",
    metadata,
    Column("msisdn", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("kept_by", Text, nullable=False),  # the holder of the claim under which the document was made
    Column("document", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("lane", Text, key="ordering_key"),  # stored as `lane`
    Column("priority", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("polls", Integer, nullable=False, default=0, server_default="0"),
    Column("lease_until", UtcDateTime),
    Column("lease_token", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column("dead_at", UtcDateTime),
    Column("error", Text),
    sqlite_autoincrement=True,  # an id is never reused after a sweep, so ids stay in insertion order
)

# Partial indexes: the cost of a claim does not grow with the number of finished jobs.
_live = text("done_at IS NULL AND dead_at IS NULL")
# the same rows, written so that only this index fits: see `state.outbox`
_ordered = text("coalesce(done_at, dead_at) IS NULL")
_dead = text("dead_at IS NOT NULL")
Index(
    "outbox_live",
    outbox.c.priority.desc(),
    outbox.c.due_at,
    outbox.c.id,
    sqlite_where=_live,
    postgresql_where=_live,
)
Index("outbox_lane", outbox.c.ordering_key, sqlite_where=_ordered, postgresql_where=_ordered)
Index("outbox_dead", outbox.c.dead_at, sqlite_where=_dead, postgresql_where=_dead)

message = Table(
    "message",
    metadata,
    Column("seq", _serial, primary_key=True),  # the order of messages, also of those with the same time
    Column("id", Text, nullable=False, unique=True),
    Column("direction", Text, nullable=False),
    Column("msisdn", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("cost", Text),
    Column("provider", Text),
    Column("provider_id", Text),
    Column("error", Text),
    Column("language", Text),
    Column("topic", Text),
    Column("about", Text),
    Column("dialogue", Text),
    Column("true_while", Text),  # the condition under which it is sent after it has waited, as JSON
    Column("sealed", Text),  # the one-time codes of the text, sealed; empty once they are erased
    Column("to_stranger", Boolean, nullable=False, default=False, server_default=false()),
    Column("reported", Text),  # the provider's last status in its own words
    Column("repeats", Integer, nullable=False, default=0, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("asked_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    UniqueConstraint("provider", "provider_id", "direction", "msisdn"),  # texts of two phones may have one id
    Index(None, "msisdn", "seq"),
    Index(None, "msisdn", "asked_at"),
    Index(None, "status", "seq"),
)
UNCONFIRMED = "unconfirmed"
"""The error of a message that has been `unknown` for a long time without a report."""
# conditions without parameters, because SQLite uses a partial index only for a condition that it can compare
IS_UNKNOWN = text("message.status = 'unknown'")
IS_UNMARKED = text(f"message.status = 'unknown' AND coalesce(message.error, '') <> '{UNCONFIRMED}'")
_unknown, _unmarked = (text(condition.text.replace("message.", "")) for condition in (IS_UNKNOWN, IS_UNMARKED))
IS_SEALED = text("message.sealed <> ''")
_sealed = text("sealed <> ''")
Index("message_sealed", message.c.created_at, sqlite_where=_sealed, postgresql_where=_sealed)
Index("message_unknown", message.c.msisdn, sqlite_where=_unknown, postgresql_where=_unknown)
Index("message_unmarked", message.c.asked_at, sqlite_where=_unmarked, postgresql_where=_unmarked)
_broadcast = text("topic = 'broadcast'")
IS_BROADCAST = text("message.topic = 'broadcast'")
Index("message_broadcast", message.c.about, message.c.status, sqlite_where=_broadcast, postgresql_where=_broadcast)

broadcast = Table(
    "broadcast",
    metadata,
    Column("id", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("audience", Text, nullable=False),  # which people it is for, as JSON
    Column("recipients", Integer, nullable=False),  # how many they were when it began
    Column("by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("queued_at", UtcDateTime),  # when the last of its messages was queued
    Column("stopped_at", UtcDateTime),
)

early_report = Table(
    "early_report",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("msisdn", Text, index=True),
    Column("error", Text),
    Column("raw_status", Text),  # the status as the provider writes it
    Column("reason", Text),  # of a failure
    Column("at", UtcDateTime, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("msisdn", Text, primary_key=True),
    Column("language", Text),
    Column("keyword_language", Text),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("opted_out_at", UtcDateTime),
    Column("opted_out_how", Text),
    Column("promotions_off_at", UtcDateTime),
    Column("pin_hash", Text),
    Column("pin_misses", Integer, nullable=False, default=0),
    Column("pin_locked_until", UtcDateTime),
    Column("reset_hash", Text),
    Column("reset_misses", Integer, nullable=False, default=0, server_default="0"),
    Column("reset_until", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
)

consent = Table(
    "consent",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("msisdn", Text, nullable=False, index=True),
    Column("what", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

lookup = Table(
    "lookup",
    metadata,
    Column("seq", _serial, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("msisdn", Text, nullable=False),
    Column("what", Text, nullable=False),
    Index(None, "msisdn", "seq"),
)

performed = Table(
    "performed",
    metadata,
    Column("seq", _serial, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("msisdn", Text, nullable=False),
    Column("gateway_session", Text),
    Column("outcome", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Index(None, "gateway_session", "seq"),
)

cursor = Table(
    "cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

schedule = Table(
    "schedule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cron", Text, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("lease_token", Text),
    Column("done_at", UtcDateTime),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
)

rate = Table(
    "rate",
    metadata,
    Column("name", Text, primary_key=True),
    Column("free_at", Double, nullable=False),  # Unix seconds
)

budget = Table(
    "budget",
    metadata,
    Column("name", Text, primary_key=True),
    Column("total", BigInteger, nullable=False),  # what was used until the window ends
    Column("ends_at", Double, nullable=False),  # Unix seconds
)

tally = Table(
    "tally",
    metadata,
    Column("name", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

dialogue_count = Table(
    "dialogue_count",
    metadata,
    Column("day", Date, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("dialogue", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

shop_facts = Table(
    "shop_facts",
    metadata,
    Column("address", Text, primary_key=True),
    Column("document", LargeBinary, nullable=False),
)


def upsert(dialect: str, table: Table) -> Any:
    """An INSERT of the dialect (`sqlite`, `postgresql`) that can say what to do on a conflict."""
    # imported here: a process needs only one of them, and each takes time to import
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def insert_new(conn: Connection, table: Table, **values: Any) -> bool:
    """Insert a row; False, and nothing is inserted, if one of the table's unique keys has its value already.

    The transaction can go on either way. On PostgreSQL it waits for another transaction that is inserting the same key
    until that one has ended.
    """
    return conn.execute(_insert_new(conn.dialect.name, table), values).first() is not None


@cache  # it takes longer to build the statement than to execute it
def _insert_new(dialect: str, table: Table) -> ReturningInsert[Any]:
    insert: ReturningInsert[Any] = upsert(dialect, table).on_conflict_do_nothing().returning(*table.primary_key)
    return insert
