"""Periodic tasks, send rates, counters, more about each message, and opt-outs from promotions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("schedule_pkey")),
    )
    op.create_table(
        "rate",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("rate_pkey")),
    )
    op.create_table(
        "tally",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name=op.f("tally_pkey")),
    )
    op.add_column("message", sa.Column("dialogue", sa.Text(), nullable=True))
    op.add_column("message", sa.Column("reported", sa.Text(), nullable=True))
    op.add_column("message", sa.Column("repeats", sa.Integer(), server_default="0", nullable=False))
    op.add_column("message", sa.Column("asked_at", UtcDateTime(), nullable=True))
    op.create_index(op.f("message_created_at"), "message", ["created_at"])
    op.create_index(op.f("message_msisdn_asked_at"), "message", ["msisdn", "asked_at"])
    unknown = sa.text("status = 'unknown'")
    op.create_index("message_unknown", "message", ["asked_at"], sqlite_where=unknown, postgresql_where=unknown)
    op.add_column("early_report", sa.Column("msisdn", sa.Text(), nullable=True))
    op.create_index(op.f("early_report_msisdn"), "early_report", ["msisdn"])
    op.add_column("person", sa.Column("promotions_off_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("person", "promotions_off_at")
    op.drop_index(op.f("early_report_msisdn"), "early_report")
    op.drop_column("early_report", "msisdn")
    op.drop_index("message_unknown", "message")
    op.drop_index(op.f("message_msisdn_asked_at"), "message")
    op.drop_index(op.f("message_created_at"), "message")
    for column in ("asked_at", "repeats", "reported", "dialogue"):
        op.drop_column("message", column)
    op.drop_table("tally")
    op.drop_table("rate")
    op.drop_table("schedule")
