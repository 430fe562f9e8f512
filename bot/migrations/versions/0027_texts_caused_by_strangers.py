"""Which messages are caused by an order that its buyer has not confirmed."""

import sqlalchemy as sa
from alembic import op


revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("unconfirmed_order", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "unconfirmed_order")
