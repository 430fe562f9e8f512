"""Search of products by word, revoked API keys, and indexes for filters of orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime

from marketplace_api.catalogue import search


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "product_word",
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("word", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_word_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", "word", name=op.f("pk_product_word")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_product_word_word_product_id"), "product_word", ["word", "product_id"], unique=False)
    op.create_index(
        op.f("ix_product_category_status_created_at_id"),
        "product",
        ["category", "status", "created_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_order_status_created_at_id"), "order", ["status", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_order_external_ref"), "order", ["external_ref"], unique=False)
    op.add_column("api_key", sa.Column("last_used_at", UtcDateTime(), nullable=True))
    op.add_column("api_key", sa.Column("revoked_at", UtcDateTime(), nullable=True))
    _index_products()


def _index_products() -> None:
    """Index the existing products by the rules of the current search, which reads the index."""
    connection = op.get_bind()
    product_word = sa.table("product_word", sa.column("product_id"), sa.column("word"))
    listed = connection.execute(sa.text("SELECT id, code, title, description FROM product"))
    for id, code, title, description in listed.all():
        connection.execute(product_word.insert(), search.index_rows(id, code, title, description))


def downgrade() -> None:

    op.drop_column("api_key", "revoked_at")
    op.drop_column("api_key", "last_used_at")
    op.drop_index(op.f("ix_order_external_ref"), table_name="order")
    op.drop_index(op.f("ix_order_status_created_at_id"), table_name="order")
    op.drop_index(op.f("ix_product_category_status_created_at_id"), table_name="product")
    op.drop_index(op.f("ix_product_word_word_product_id"), table_name="product_word")
    op.drop_table("product_word")
