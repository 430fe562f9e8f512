"""Indexes for what menus count and lists filter, and for messages that nobody confirmed; one id may name texts of two
phones."""

import sqlalchemy as sa
from alembic import op


revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UNKNOWN = "status = 'unknown'"
UNMARKED = "status = 'unknown' AND coalesce(error, '') <> 'unconfirmed'"
CREATED = {
    "assignment": [["artisan_id", "status", "order_id", "ready_at"], ["status", "artisan_id"], ["received_at"]],
    "brief": [["kiosk_id"]],
    "help_request": [["closed_at", "created_at", "id"]],
    "order": [["kiosk_id", "status", "created_at", "id"]],
    "payout": [
        ["artisan_id", "status", "amount"],
        ["kiosk_id", "created_at", "id"],
        ["method", "created_at", "id"],
    ],
}
DROPPED = {"assignment": ["artisan_id", "status"], "order": ["kiosk_id", "status"]}
"""Those that begin as one of the new ones does."""


def upgrade() -> None:
    for table, columns in DROPPED.items():
        op.drop_index(_name(table, columns), table)
    for table, indexes in CREATED.items():
        for columns in indexes:
            op.create_index(_name(table, columns), table, columns)
    op.create_index("performed_at", "performed", ["at"])
    op.drop_index("message_unknown", "message")
    _identify_messages_by(["provider", "provider_id", "direction", "msisdn"], ["provider", "provider_id", "direction"])
    op.create_index("message_status_seq", "message", ["status", "seq"])
    _create_partial_index("message_unknown", "msisdn", UNKNOWN)
    _create_partial_index("message_unmarked", "asked_at", UNMARKED)


def downgrade() -> None:
    for name in ("message_unmarked", "message_unknown", "message_status_seq"):
        op.drop_index(name, "message")
    _forget_second_phones()
    _identify_messages_by(["provider", "provider_id", "direction"], ["provider", "provider_id", "direction", "msisdn"])
    _create_partial_index("message_unknown", "asked_at", UNKNOWN)
    op.drop_index("performed_at", "performed")
    for table, indexes in CREATED.items():
        for columns in indexes:
            op.drop_index(_name(table, columns), table)
    for table, columns in DROPPED.items():
        op.create_index(_name(table, columns), table, columns)


def _name(table: str, columns: list[str]) -> str:
    return op.f(f"ix_{table}_{'_'.join(columns)}")


def _create_partial_index(name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "message", [column], sqlite_where=where, postgresql_where=where)


def _identify_messages_by(columns: list[str], instead_of: list[str]) -> None:
    with op.batch_alter_table("message") as message:
        message.drop_constraint(op.f(f"message_{'_'.join(instead_of)}_key"), type_="unique")
        message.create_unique_constraint(op.f(f"message_{'_'.join(columns)}_key"), columns)


def _forget_second_phones() -> None:
    """Take the provider's id from texts whose id an older text has too."""
    message = sa.table("message", *map(sa.column, ("seq", "provider", "provider_id", "direction")))
    older = message.alias("older")
    same = [message.c[name] == older.c[name] for name in ("provider", "provider_id", "direction")]
    again = sa.select(older.c.seq).where(*same, older.c.seq < message.c.seq).exists()
    op.execute(message.update().where(again).values(provider_id=None))
