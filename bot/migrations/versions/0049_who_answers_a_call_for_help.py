"""Who answers a call for help, and when the person was first answered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("help_request", sa.Column("handler_id", sa.String(), nullable=True))
    op.add_column("help_request", sa.Column("answered_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("help_request", "answered_at")
    op.drop_column("help_request", "handler_id")
