"""The language of the first keyword that a person used."""

import sqlalchemy as sa
from alembic import op


revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("keyword_language", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("person", "keyword_language")
