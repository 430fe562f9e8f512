"""Removes the simulator's tables from the migrated schema.

Earlier, revisions 0001 and 0010 created `simulated_text` and `simulated_payment` in every database. Now only what uses
the simulator creates them (`bot.simulator.tables`). An upgrade drops those that are empty, as they are in production,
and keeps the others. A downgrade creates those that are missing, because earlier versions need both.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("simulated_text", "simulated_payment")


def upgrade() -> None:
    connection = op.get_bind()
    for name in _existing():
        if connection.scalar(sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1)) is None:
            op.drop_table(name)


def downgrade() -> None:
    existing = _existing()
    if "simulated_text" not in existing:
        op.create_table(
            "simulated_text",
            sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
            sa.Column("id", sa.String(), nullable=False),
            sa.Column("msisdn", sa.String(), nullable=False),
            sa.Column("sender", sa.String(), nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.Column("at", UtcDateTime(), nullable=False),
            sa.PrimaryKeyConstraint("seq"),
            sa.UniqueConstraint("id"),
        )
        op.create_index("ix_simulated_text_msisdn", "simulated_text", ["msisdn", "seq"], unique=False)
    if "simulated_payment" not in existing:
        op.create_table(
            "simulated_payment",
            sa.Column("id", sa.String(), nullable=False),
            sa.Column("conversation", sa.String(), nullable=False),
            sa.Column("msisdn", sa.String(), nullable=False),
            sa.Column("amount", sa.BigInteger(), nullable=False),
            sa.Column("currency", sa.String(), nullable=False),
            sa.Column("code", sa.String(), nullable=False),
            sa.Column("at", UtcDateTime(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
        )


def _existing() -> list[str]:
    names = sa.inspect(op.get_bind()).get_table_names()
    return [name for name in TABLES if name in names]
