"""Changes words that name a person in the tables to which rows are only added; everything else stays as it is.

The database refuses every change of their rows, so a trigger is switched off for one statement, in its transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection, Update, text

from marketplace_api.models import LedgerEntry, OperatorAct

TABLES = (LedgerEntry.__tablename__, OperatorAct.__tablename__)


def change(conn: Connection, table: str, statement: Update) -> None:
    """Execute an UPDATE of a table of `TABLES` that changes only words."""
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_stays"))
        conn.execute(statement)
        conn.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {table}_stays"))
        return
    name = f"{table}_no_update"
    source = conn.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name}).scalar_one()
    conn.execute(text(f"DROP TRIGGER {name}"))
    conn.execute(statement)
    conn.exec_driver_sql(source)
