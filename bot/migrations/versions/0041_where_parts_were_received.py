"""Each part says which kiosk received it, so that a kiosk's day is counted without reading those of other kiosks."""

import sqlalchemy as sa
from alembic import op


revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("assignment") as table:
        table.add_column(sa.Column("received_by", sa.String(), nullable=True))
        table.create_foreign_key(op.f("fk_assignment_received_by"), "kiosk", ["received_by"], ["id"])
    op.execute(
        'UPDATE assignment SET received_by = (SELECT kiosk_id FROM "order" WHERE "order".id = order_id) '
        "WHERE received_at IS NOT NULL"
    )
    op.create_index(op.f("ix_assignment_received_by_received_at"), "assignment", ["received_by", "received_at"])
    # PostgreSQL would read the parts of all kiosks by it, as it does not know that few are of one kiosk
    op.drop_index(op.f("ix_assignment_received_at"), "assignment")


def downgrade() -> None:
    op.create_index(op.f("ix_assignment_received_at"), "assignment", ["received_at"])
    op.drop_index(op.f("ix_assignment_received_by_received_at"), "assignment")
    with op.batch_alter_table("assignment") as table:
        table.drop_constraint(op.f("fk_assignment_received_by"), type_="foreignkey")
        table.drop_column("received_by")
