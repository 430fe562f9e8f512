"""Log-ins of artisans on the web: the code that was texted last, and sessions."""

import sqlalchemy as sa
import sqlalchemy_utc
from alembic import op


revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

TIME = sqlalchemy_utc.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "artisan_log_in",
        sa.Column("artisan_id", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", TIME(), nullable=False),
        sa.PrimaryKeyConstraint("artisan_id", name=op.f("pk_artisan_log_in")),
        sa.ForeignKeyConstraint(["artisan_id"], ["artisan.id"], name=op.f("fk_artisan_log_in_artisan_id")),
    )
    op.create_table(
        "artisan_session",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("artisan_id", sa.String(), nullable=False),
        sa.Column("created_at", TIME(), nullable=False),
        sa.Column("seen_at", TIME(), nullable=False),
        sa.Column("ended_at", TIME(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_artisan_session")),
        sa.ForeignKeyConstraint(["artisan_id"], ["artisan.id"], name=op.f("fk_artisan_session_artisan_id")),
    )
    op.create_index(op.f("ix_artisan_session_artisan_id"), "artisan_session", ["artisan_id"])


def downgrade() -> None:
    op.drop_table("artisan_session")
    op.drop_table("artisan_log_in")
