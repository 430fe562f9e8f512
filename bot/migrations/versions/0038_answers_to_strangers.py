"""Which messages answer a stranger. What was caused by an unconfirmed order is no longer noted: it causes no message."""

import sqlalchemy as sa
from alembic import op


revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("message", "unconfirmed_order")
    op.add_column("message", sa.Column("to_stranger", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("message", "to_stranger")
    op.add_column("message", sa.Column("unconfirmed_order", sa.Text(), nullable=True))
