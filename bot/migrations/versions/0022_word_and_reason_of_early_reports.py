"""An early delivery report keeps the provider's word and the reason of a failure."""

import sqlalchemy as sa
from alembic import op


revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("early_report", sa.Column("raw_status", sa.Text(), nullable=True))
    op.add_column("early_report", sa.Column("reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("early_report", "reason")
    op.drop_column("early_report", "raw_status")
