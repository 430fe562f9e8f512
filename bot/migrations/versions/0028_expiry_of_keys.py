"""When an API key expires."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("expires_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("api_key", "expires_at")
