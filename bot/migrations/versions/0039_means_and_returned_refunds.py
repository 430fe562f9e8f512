"""By what means money came that an operator saw; when a refund came back that was done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("buyer_payment", sa.Column("means", sa.String(), nullable=True))
    op.execute("UPDATE buyer_payment SET means = detail, detail = NULL WHERE method = 'operator'")
    op.add_column("refund", sa.Column("returned_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("refund", "returned_at")
    op.execute("UPDATE buyer_payment SET detail = means WHERE method = 'operator'")
    op.drop_column("buyer_payment", "means")
