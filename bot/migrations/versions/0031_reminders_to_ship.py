"""When the agent of a kiosk was reminded to ship an order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order", sa.Column("shipping_reminded_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("order", "shipping_reminded_at")
