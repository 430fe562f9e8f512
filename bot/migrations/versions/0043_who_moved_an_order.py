"""Who brought an order to each of its statuses."""

import sqlalchemy as sa
from alembic import op


revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_timeline", sa.Column("by", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("order_timeline") as table:
        table.drop_column("by")
