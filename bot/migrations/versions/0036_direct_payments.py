"""Money that came without a prompt; how a refund is given back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "direct_payment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collector", sa.String(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("asked_payment_id", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("msisdn", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["asked_payment_id"], ["buyer_payment.id"], name=op.f("fk_direct_payment_asked_payment_id")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["buyer_payment.id"], name=op.f("fk_direct_payment_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_payment")),
        sa.UniqueConstraint("token", name=op.f("uq_direct_payment_token")),
        sa.UniqueConstraint("collector", "receipt", name=op.f("uq_direct_payment_collector_receipt")),
    )
    op.create_index(op.f("ix_direct_payment_status_created_at"), "direct_payment", ["status", "created_at"])
    with op.batch_alter_table("refund") as refund:
        refund.add_column(sa.Column("provider_id", sa.String(), nullable=True))
        refund.add_column(sa.Column("query_token", sa.String(), nullable=True))
        refund.add_column(sa.Column("payer_ids", sa.Integer(), nullable=False, server_default="0"))
        refund.create_unique_constraint(op.f("uq_refund_query_token"), ["query_token"])
    with op.batch_alter_table("refund") as refund:
        refund.alter_column("payer_ids", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("refund") as refund:
        refund.drop_constraint(op.f("uq_refund_query_token"), type_="unique")
        for column in ("payer_ids", "query_token", "provider_id"):
            refund.drop_column(column)
    op.drop_table("direct_payment")
