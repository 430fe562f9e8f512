"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("consent_pkey")),
    )
    op.create_index(op.f("consent_msisdn"), "consent", ["msisdn"], unique=False)
    op.create_table(
        "cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("cursor_pkey")),
    )
    op.create_table(
        "early_report",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "provider_id", "status", name=op.f("early_report_pkey")),
    )
    op.create_table(
        "message",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("message_pkey")),
        sa.UniqueConstraint("id", name=op.f("message_id_key")),
        sa.UniqueConstraint(
            "provider", "provider_id", "direction", name=op.f("message_provider_provider_id_direction_key")
        ),
    )
    op.create_index(op.f("message_msisdn_seq"), "message", ["msisdn", "seq"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("dead_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
        sa.UniqueConstraint("key", name=op.f("outbox_key_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "outbox_dead",
        "outbox",
        ["dead_at"],
        unique=False,
        sqlite_where=sa.text("dead_at IS NOT NULL"),
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )
    op.create_index(
        "outbox_live",
        "outbox",
        [sa.literal_column("priority DESC"), "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL AND dead_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL AND dead_at IS NULL"),
    )
    op.create_index(
        "outbox_live_lane",
        "outbox",
        ["lane", "id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL AND dead_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL AND dead_at IS NULL"),
    )
    op.create_table(
        "performed",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("gateway_session", sa.Text(), nullable=True),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("performed_pkey")),
        sa.UniqueConstraint("key", name=op.f("performed_key_key")),
    )
    op.create_index(op.f("performed_gateway_session_seq"), "performed", ["gateway_session", "seq"], unique=False)
    op.create_table(
        "person",
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("opted_out_at", UtcDateTime(), nullable=True),
        sa.Column("opted_out_how", sa.Text(), nullable=True),
        sa.Column("pin_hash", sa.Text(), nullable=True),
        sa.Column("pin_misses", sa.Integer(), nullable=False),
        sa.Column("pin_locked_until", UtcDateTime(), nullable=True),
        sa.Column("pin_proven_at", UtcDateTime(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("msisdn", name=op.f("person_pkey")),
    )
    op.create_table(
        "session",
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("msisdn", name=op.f("session_pkey")),
    )
    op.create_index(op.f("session_expires_at"), "session", ["expires_at"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        sa.UniqueConstraint("id", name=op.f("uq_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "help_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("msisdn", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_request")),
    )
    op.create_index(op.f("ix_help_request_created_at_id"), "help_request", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_help_request_msisdn"), "help_request", ["msisdn"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "kiosk",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("town", sa.String(), nullable=False),
        sa.Column("agent_name", sa.String(), nullable=False),
        sa.Column("agent_msisdn", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("wrong_cash_codes", sa.Integer(), nullable=False),
        sa.Column("cash_locked_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kiosk")),
        sa.UniqueConstraint("code", name=op.f("uq_kiosk_code")),
    )
    op.create_index(op.f("ix_kiosk_agent_msisdn"), "kiosk", ["agent_msisdn"], unique=False)
    op.create_index(op.f("ix_kiosk_created_at_id"), "kiosk", ["created_at", "id"], unique=False)
    op.create_table(
        "artisan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("msisdn", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("craft", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("kiosk_id", sa.String(), nullable=False),
        sa.Column("payout_method", sa.String(), nullable=False),
        sa.Column("payout_msisdn", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosk.id"], name=op.f("fk_artisan_kiosk_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artisan")),
        sa.UniqueConstraint("msisdn", name=op.f("uq_artisan_msisdn")),
    )
    op.create_index(op.f("ix_artisan_created_at_id"), "artisan", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_artisan_kiosk_id"), "artisan", ["kiosk_id"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("artisan_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("price > 0", name=op.f("ck_product_price")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_product_quantity")),
        sa.ForeignKeyConstraint(["artisan_id"], ["artisan.id"], name=op.f("fk_product_artisan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("code", name=op.f("uq_product_code")),
    )
    op.create_index(
        op.f("ix_product_artisan_id_created_at_id"), "product", ["artisan_id", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_product_status_created_at_id"), "product", ["status", "created_at", "id"], unique=False)
    op.create_table(
        "order",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("commission_percent", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("artisan_earns", sa.BigInteger(), nullable=False),
        sa.Column("buyer_name", sa.String(), nullable=False),
        sa.Column("buyer_msisdn", sa.String(), nullable=False),
        sa.Column("buyer_locale", sa.String(), nullable=False),
        sa.Column("ship_to", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("kiosk_id", sa.String(), nullable=True),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("tracking", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("commission + artisan_earns = total", name=op.f("ck_order_split")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_quantity")),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosk.id"], name=op.f("fk_order_kiosk_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_order_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
        sa.UniqueConstraint("code", name=op.f("uq_order_code")),
    )
    op.create_index(
        op.f("ix_order_buyer_msisdn_created_at_id"), "order", ["buyer_msisdn", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_order_created_at_id"), "order", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_order_kiosk_id_status"), "order", ["kiosk_id", "status"], unique=False)
    op.create_index(op.f("ix_order_placed_by_created_at_id"), "order", ["placed_by", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_order_product_id"), "order", ["product_id"], unique=False)
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("artisan_id", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_assignment_quantity")),
        sa.ForeignKeyConstraint(["artisan_id"], ["artisan.id"], name=op.f("fk_assignment_artisan_id")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_assignment_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint("order_id", "artisan_id", name=op.f("uq_assignment_order_id_artisan_id")),
    )
    op.create_index(op.f("ix_assignment_artisan_id_status"), "assignment", ["artisan_id", "status"], unique=False)
    op.create_table(
        "order_timeline",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_order_timeline_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_timeline")),
    )
    op.create_index(op.f("ix_order_timeline_order_id"), "order_timeline", ["order_id"], unique=False)
    op.create_table(
        "payout",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("artisan_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("msisdn", sa.String(), nullable=True),
        sa.Column("cash_code", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("provider_reference", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("paid_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payout_amount")),
        sa.ForeignKeyConstraint(["artisan_id"], ["artisan.id"], name=op.f("fk_payout_artisan_id")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_payout_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("code", name=op.f("uq_payout_code")),
        sa.UniqueConstraint("order_id", "artisan_id", name=op.f("uq_payout_order_id_artisan_id")),
    )
    op.create_index(
        op.f("ix_payout_artisan_id_created_at_id"), "payout", ["artisan_id", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_payout_created_at_id"), "payout", ["created_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("simulated_text", if_exists=True)  # revision 0012 says where it may come from
    op.drop_index(op.f("ix_payout_created_at_id"), table_name="payout")
    op.drop_index(op.f("ix_payout_artisan_id_created_at_id"), table_name="payout")
    op.drop_table("payout")
    op.drop_index(op.f("ix_order_timeline_order_id"), table_name="order_timeline")
    op.drop_table("order_timeline")
    op.drop_index(op.f("ix_assignment_artisan_id_status"), table_name="assignment")
    op.drop_table("assignment")
    op.drop_index(op.f("ix_order_product_id"), table_name="order")
    op.drop_index(op.f("ix_order_placed_by_created_at_id"), table_name="order")
    op.drop_index(op.f("ix_order_kiosk_id_status"), table_name="order")
    op.drop_index(op.f("ix_order_created_at_id"), table_name="order")
    op.drop_index(op.f("ix_order_buyer_msisdn_created_at_id"), table_name="order")
    op.drop_table("order")
    op.drop_index(op.f("ix_product_status_created_at_id"), table_name="product")
    op.drop_index(op.f("ix_product_artisan_id_created_at_id"), table_name="product")
    op.drop_table("product")
    op.drop_index(op.f("ix_artisan_kiosk_id"), table_name="artisan")
    op.drop_index(op.f("ix_artisan_created_at_id"), table_name="artisan")
    op.drop_table("artisan")
    op.drop_index(op.f("ix_kiosk_created_at_id"), table_name="kiosk")
    op.drop_index(op.f("ix_kiosk_agent_msisdn"), table_name="kiosk")
    op.drop_table("kiosk")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_help_request_msisdn"), table_name="help_request")
    op.drop_index(op.f("ix_help_request_created_at_id"), table_name="help_request")
    op.drop_table("help_request")
    op.drop_table("event")
    op.drop_table("api_key")
    op.drop_index(op.f("session_expires_at"), table_name="session")
    op.drop_table("session")
    op.drop_table("person")
    op.drop_index(op.f("performed_gateway_session_seq"), table_name="performed")
    op.drop_table("performed")
    op.drop_index("outbox_live_lane", table_name="outbox")
    op.drop_index("outbox_live", table_name="outbox")
    op.drop_index("outbox_dead", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(op.f("message_msisdn_seq"), table_name="message")
    op.drop_table("message")
    op.drop_table("early_report")
    op.drop_table("cursor")
    op.drop_index(op.f("consent_msisdn"), table_name="consent")
    op.drop_table("consent")
