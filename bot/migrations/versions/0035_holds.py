"""Payouts that are held, and when an artisan's phone for payouts changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("artisan", sa.Column("payout_changed_at", UtcDateTime(), nullable=True))
    op.add_column("payout", sa.Column("hold", sa.String(), nullable=True))
    op.add_column("payout", sa.Column("held_at", UtcDateTime(), nullable=True))
    op.add_column("payout", sa.Column("released_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    # an older version knows no held payouts; what waits for cash gets a code when an operator retries it
    op.execute("UPDATE payout SET status = 'failed', failure = 'it was held' WHERE status = 'held'")
    for column in ("released_at", "held_at", "hold"):
        op.drop_column("payout", column)
    op.drop_column("artisan", "payout_changed_at")
