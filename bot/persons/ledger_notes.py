"""Changes the note of a ledger entry that names a person. Amounts, keys and accounts stay as they are.

The database refuses every change of an entry, so its trigger is switched off for one statement, in its transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection, Update, text

from marketplace_api.models import LedgerEntry

TABLE = LedgerEntry.__tablename__


def change(conn: Connection, statement: Update) -> None:
    """Execute an UPDATE of entries that changes only notes."""
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"ALTER TABLE {TABLE} DISABLE TRIGGER {TABLE}_stays"))
        conn.execute(statement)
        conn.execute(text(f"ALTER TABLE {TABLE} ENABLE TRIGGER {TABLE}_stays"))
        return
    name = f"{TABLE}_no_update"
    source = conn.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name}).scalar_one()
    conn.execute(text(f"DROP TRIGGER {name}"))
    conn.execute(statement)
    conn.exec_driver_sql(source)
