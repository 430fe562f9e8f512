"""Products by price and kiosks by town, for what buyers look for in the shop window."""

from alembic import op


revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_product_status_price_id"), "product", ["status", "price", "id"])
    op.create_index(op.f("ix_kiosk_town"), "kiosk", ["town"])


def downgrade() -> None:
    op.drop_index(op.f("ix_kiosk_town"), "kiosk")
    op.drop_index(op.f("ix_product_status_price_id"), "product")
