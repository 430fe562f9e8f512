"""The outbox's index by ordering key (`lane`).

Its condition is an expression that only this index has, so PostgreSQL uses the index independently of its statistics.
"""

import sqlalchemy as sa
from alembic import op


revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    live = sa.text("coalesce(done_at, dead_at) IS NULL")
    op.create_index("outbox_lane", "outbox", ["lane"], sqlite_where=live, postgresql_where=live)
    op.drop_index("outbox_live_lane", "outbox")


def downgrade() -> None:
    live = sa.text("done_at IS NULL AND dead_at IS NULL")
    op.create_index("outbox_live_lane", "outbox", ["lane", "id"], sqlite_where=live, postgresql_where=live)
    op.drop_index("outbox_lane", "outbox")
