"""Why an operator gave money back to a buyer, in words."""

import sqlalchemy as sa
from alembic import op


revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refund", sa.Column("note", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("refund", "note")
