"""Briefs: orders that several artisans share; each delivers a part, in one or two deliveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brief",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("kiosk_id", sa.String(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_brief_order_id")),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosk.id"], name=op.f("fk_brief_kiosk_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_brief")),
    )
    with op.batch_alter_table("order") as table:
        table.alter_column("product_id", existing_type=sa.String(), nullable=True)
    op.create_index(op.f("ix_order_status_expires_at"), "order", ["status", "expires_at"], unique=False)

    with op.batch_alter_table("assignment") as table:
        table.add_column(sa.Column("earns", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("refused", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("promised_on", sa.Date(), nullable=True))
        table.add_column(sa.Column("received_at", UtcDateTime(), nullable=True))
        table.add_column(sa.Column("reminded_at", UtcDateTime(), nullable=True))
        table.drop_constraint(op.f("uq_assignment_order_id_artisan_id"), type_="unique")
        table.create_check_constraint(op.f("ck_assignment_earns"), "earns >= 0")
    # so far an order had one part, which earned the whole share of its artisan
    op.execute('UPDATE assignment SET earns = (SELECT artisan_earns FROM "order" WHERE "order".id = order_id)')
    with op.batch_alter_table("assignment") as table:
        table.alter_column("earns", existing_type=sa.BigInteger(), server_default=None)
        table.alter_column("refused", existing_type=sa.Integer(), server_default=None)
    op.create_index(op.f("ix_assignment_order_id_artisan_id"), "assignment", ["order_id", "artisan_id"], unique=False)

    with op.batch_alter_table("payout") as table:
        table.add_column(sa.Column("assignment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        table.drop_constraint(op.f("uq_payout_order_id_artisan_id"), type_="unique")
    op.execute(
        "UPDATE payout SET assignment_id = (SELECT id FROM assignment"
        " WHERE assignment.order_id = payout.order_id AND assignment.artisan_id = payout.artisan_id)"
    )
    with op.batch_alter_table("payout") as table:
        table.alter_column("assignment_id", existing_type=sa.BigInteger(), nullable=False)
        table.create_unique_constraint(op.f("uq_payout_assignment_id"), ["assignment_id"])
        table.create_foreign_key(op.f("fk_payout_assignment_id"), "assignment", ["assignment_id"], ["id"])
    op.create_index(op.f("ix_payout_order_id"), "payout", ["order_id"], unique=False)


def downgrade() -> None:
    """Only a shop without briefs can be downgraded: the older tables cannot store the parts of a brief."""
    op.drop_index(op.f("ix_payout_order_id"), table_name="payout")
    with op.batch_alter_table("payout") as table:
        table.drop_constraint(op.f("fk_payout_assignment_id"), type_="foreignkey")
        table.drop_constraint(op.f("uq_payout_assignment_id"), type_="unique")
        table.drop_column("assignment_id")
        table.create_unique_constraint(op.f("uq_payout_order_id_artisan_id"), ["order_id", "artisan_id"])
    op.drop_index(op.f("ix_assignment_order_id_artisan_id"), table_name="assignment")
    with op.batch_alter_table("assignment") as table:
        table.drop_constraint(op.f("ck_assignment_earns"), type_="check")
        for column in ("earns", "refused", "promised_on", "received_at", "reminded_at"):
            table.drop_column(column)
        table.create_unique_constraint(op.f("uq_assignment_order_id_artisan_id"), ["order_id", "artisan_id"])
    op.drop_index(op.f("ix_order_status_expires_at"), table_name="order")
    with op.batch_alter_table("order") as table:
        table.alter_column("product_id", existing_type=sa.String(), nullable=False)
    op.drop_table("brief")
