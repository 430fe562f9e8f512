"""When a buyer was asked whether a shipped order came."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order", sa.Column("delivery_asked_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("order", "delivery_asked_at")
