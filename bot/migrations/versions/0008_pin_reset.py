"""Codes that reset a forgotten PIN."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("reset_hash", sa.Text(), nullable=True))
    op.add_column("person", sa.Column("reset_misses", sa.Integer(), server_default="0", nullable=False))
    op.add_column("person", sa.Column("reset_until", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("person", "reset_until")
    op.drop_column("person", "reset_misses")
    op.drop_column("person", "reset_hash")
