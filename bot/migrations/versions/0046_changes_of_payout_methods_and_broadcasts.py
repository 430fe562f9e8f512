"""Changes of payout methods by artisan, and broadcasts that can be seen and stopped."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

PAYOUT_CHANGE = sa.text("type = 'artisan.payout_changed'")
BROADCAST = sa.text("topic = 'broadcast'")


def upgrade() -> None:
    op.create_index(
        "ix_event_payout_change",
        "event",
        ["seq"],
        sqlite_where=PAYOUT_CHANGE,
        postgresql_where=PAYOUT_CHANGE,
    )
    op.create_index(
        "message_broadcast",
        "message",
        ["about", "status"],
        sqlite_where=BROADCAST,
        postgresql_where=BROADCAST,
    )
    op.create_table(
        "broadcast",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("queued_at", UtcDateTime(), nullable=True),
        sa.Column("stopped_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("broadcast_pkey")),
    )
    op.create_index(op.f("broadcast_created_at"), "broadcast", ["created_at"])


def downgrade() -> None:
    op.drop_table("broadcast")
    op.drop_index("message_broadcast", "message")
    op.drop_index("ix_event_payout_change", "event")
