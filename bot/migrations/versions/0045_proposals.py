"""Acts on money that one operator proposes and another one approves."""

import sqlalchemy as sa
import sqlalchemy_utc
from alembic import op


revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

TIME = sqlalchemy_utc.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "money_proposal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("typed", sa.JSON(), nullable=False),
        sa.Column("effects", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME(), nullable=False),
        sa.Column("expires_at", TIME(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", TIME(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_proposal")),
    )
    op.create_index(op.f("ix_money_proposal_status_expires_at"), "money_proposal", ["status", "expires_at"])


def downgrade() -> None:
    op.drop_table("money_proposal")
