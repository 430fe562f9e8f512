"""A hop claims its person: the holder of a session, and the fence of a person. A PIN is proven to a conversation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("session") as session:
        session.drop_column("version")
        session.add_column(sa.Column("holder", sa.Text(), server_default=sa.text("''"), nullable=False))
        session.add_column(sa.Column("held_until", sa.Double(), server_default="0", nullable=False))
        session.add_column(sa.Column("left_by", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_table(
        "fence",
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kept_by", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("msisdn", name=op.f("fence_pkey")),
    )
    op.drop_column("person", "pin_proven_at")


def downgrade() -> None:
    op.add_column("person", sa.Column("pin_proven_at", UtcDateTime(), nullable=True))
    op.drop_table("fence")
    with op.batch_alter_table("session") as session:
        session.drop_column("left_by")
        session.drop_column("held_until")
        session.drop_column("holder")
        session.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
