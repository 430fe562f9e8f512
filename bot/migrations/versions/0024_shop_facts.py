"""What a remote marketplace says of itself, for a start while it cannot be reached."""

import sqlalchemy as sa
from alembic import op


revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shop_facts",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("address", name="shop_facts_pkey"),
    )


def downgrade() -> None:
    op.drop_table("shop_facts")
