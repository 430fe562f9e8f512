"""The stock of a product is two numbers: what the artisan has, and what of it is reserved for orders."""

import sqlalchemy as sa
from alembic import op


revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

PRODUCT = sa.table("product", *(sa.column(name) for name in ("id", "quantity", "on_hand", "reserved")))
ORDER = sa.table("order", *(sa.column(name) for name in ("id", "product_id")))
ASSIGNMENT = sa.table("assignment", *(sa.column(name) for name in ("order_id", "quantity", "status")))


def upgrade() -> None:
    with op.batch_alter_table("product") as product:
        product.add_column(sa.Column("on_hand", sa.Integer, nullable=False, server_default="0"))
        product.add_column(sa.Column("reserved", sa.Integer, nullable=False, server_default="0"))
    reserved = (
        sa.select(sa.func.coalesce(sa.func.sum(ASSIGNMENT.c.quantity), 0))
        .select_from(ASSIGNMENT.join(ORDER, ORDER.c.id == ASSIGNMENT.c.order_id))
        .where(ORDER.c.product_id == PRODUCT.c.id, ASSIGNMENT.c.status.in_(("offered", "accepted")))
        .scalar_subquery()
    )
    op.execute(PRODUCT.update().values(reserved=reserved))
    op.execute(PRODUCT.update().values(on_hand=PRODUCT.c.quantity + PRODUCT.c.reserved))
    with op.batch_alter_table("product") as product:
        product.alter_column("on_hand", server_default=None)
        product.alter_column("reserved", server_default=None)
        product.drop_constraint(op.f("ck_product_quantity"), type_="check")
        product.drop_column("quantity")
        product.create_check_constraint(op.f("ck_product_on_hand"), "on_hand >= 0")
        product.create_check_constraint(op.f("ck_product_reserved"), "reserved >= 0")


def downgrade() -> None:
    with op.batch_alter_table("product") as product:
        product.add_column(sa.Column("quantity", sa.Integer, nullable=False, server_default="0"))
    free = sa.case((PRODUCT.c.on_hand > PRODUCT.c.reserved, PRODUCT.c.on_hand - PRODUCT.c.reserved), else_=0)
    op.execute(PRODUCT.update().values(quantity=free))
    with op.batch_alter_table("product") as product:
        product.alter_column("quantity", server_default=None)
        product.drop_constraint(op.f("ck_product_on_hand"), type_="check")
        product.drop_constraint(op.f("ck_product_reserved"), type_="check")
        product.drop_column("on_hand")
        product.drop_column("reserved")
        product.create_check_constraint(op.f("ck_product_quantity"), "quantity >= 0")
