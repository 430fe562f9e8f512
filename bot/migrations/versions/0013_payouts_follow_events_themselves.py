"""A separate event consumer starts payouts; it begins at the position of the notifier."""

from alembic import op


revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO cursor (name, position) SELECT 'payouts', position FROM cursor WHERE name = 'announcements'"
    )


def downgrade() -> None:
    # the notifier starts payouts again, from the first event whose payout was not started
    op.execute(
        "UPDATE cursor SET position = (SELECT position FROM cursor WHERE name = 'payouts') WHERE name = 'announcements'"
        " AND position > (SELECT position FROM cursor WHERE name = 'payouts')"
    )
    op.execute("DELETE FROM cursor WHERE name = 'payouts'")
