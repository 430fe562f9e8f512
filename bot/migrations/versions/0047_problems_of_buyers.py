"""Problems that buyers report on the page of an order, in their requests for help."""

import sqlalchemy as sa
from alembic import op


revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

COLUMNS = ("order_id", "problem", "words")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("help_request", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("help_request", name)
