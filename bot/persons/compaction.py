"""Frees the space of deleted rows, so that no page of the database file still contains their values."""

from __future__ import annotations

from sqlalchemy import Engine

WAIT_MS = 30_000
"""How long SQLite waits for readers and writers of other processes."""


class NotCompactedError(Exception):
    """Another process kept the database busy; the message says what to do."""


def compact(engine: Engine) -> None:
    """On SQLite, rewrite the file and empty its write-ahead log. On PostgreSQL, remove dead rows from all tables.

    Raises NotCompactedError.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM")
        return
    raw = engine.raw_connection()
    try:
        raw.cursor().execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        raw.cursor().execute("VACUUM")
        (is_busy, *_) = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        raw.invalidate()  # its waiting time is not the usual one
        raw.close()
    if is_busy:
        raise NotCompactedError("The write-ahead log is in use. Run the command again.")
