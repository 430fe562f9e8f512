"""A message may have a condition under which it is still sent after it has waited."""

import sqlalchemy as sa
from alembic import op


revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("true_while", sa.Text))


def downgrade() -> None:
    with op.batch_alter_table("message") as message:
        message.drop_column("true_while")
