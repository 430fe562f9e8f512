"""The sum that each artisan was paid until some time, so that it is not added up from all payouts again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paid_sum",
        sa.Column("artisan_id", sa.String(), nullable=False),
        sa.Column("upto", UtcDateTime(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["artisan_id"], ["artisan.id"], name=op.f("fk_paid_sum_artisan_id")),
        sa.PrimaryKeyConstraint("artisan_id", name=op.f("pk_paid_sum")),
    )
    op.create_index(op.f("ix_payout_artisan_id_paid_at_amount"), "payout", ["artisan_id", "paid_at", "amount"])


def downgrade() -> None:
    op.drop_index(op.f("ix_payout_artisan_id_paid_at_amount"), "payout")
    op.drop_table("paid_sum")
