"""Who looked at the data of a phone, and which orders still have their address."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lookup",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("lookup_pkey")),
    )
    op.create_index(op.f("lookup_at"), "lookup", ["at"])
    op.create_index(op.f("lookup_msisdn_seq"), "lookup", ["msisdn", "seq"])
    op.add_column("order", sa.Column("address_erased_at", UtcDateTime(), nullable=True))
    kept = sa.text("address_erased_at IS NULL")
    op.create_index("ix_order_address", "order", ["created_at"], sqlite_where=kept, postgresql_where=kept)


def downgrade() -> None:
    op.drop_index("ix_order_address", table_name="order")
    op.drop_column("order", "address_erased_at")
    op.drop_table("lookup")
