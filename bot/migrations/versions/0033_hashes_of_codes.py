"""Codes for cash are stored as keyed hashes, and one-time codes in texts are sealed until the text has left."""

import re

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy_utc import UtcDateTime

from bot.messaging.sealing import Seal
from marketplace_api.payments.cash_codes import hash_of


revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


def upgrade() -> None:
    keys: tuple[bytes, ...] = context.config.attributes["code_keys"]
    op.add_column("message", sa.Column("sealed", sa.Text(), nullable=True))
    has_code = sa.text("sealed <> ''")
    op.create_index("message_sealed", "message", ["created_at"], sqlite_where=has_code, postgresql_where=has_code)
    op.create_table(
        "wrong_cash_code",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kiosk_id", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosk.id"], name=op.f("fk_wrong_cash_code_kiosk_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrong_cash_code")),
    )
    op.create_index(op.f("ix_wrong_cash_code_kiosk_id_at"), "wrong_cash_code", ["kiosk_id", "at"])
    with op.batch_alter_table("payout") as payout:
        payout.add_column(sa.Column("cash_code_hash", sa.String(), nullable=True))
        payout.add_column(sa.Column("cash_code_number", sa.Integer(), nullable=False, server_default="0"))
        payout.add_column(sa.Column("cash_code_made_at", UtcDateTime(), nullable=True))
        payout.create_unique_constraint(op.f("uq_payout_cash_code_hash"), ["cash_code_hash"])
    _hash_codes(keys[0])
    with op.batch_alter_table("payout") as payout:
        payout.drop_constraint(op.f("uq_payout_cash_code"), type_="unique")
        payout.drop_column("cash_code")
    _seal_texts(Seal(keys))


def _hash_codes(key: bytes) -> None:
    """The codes that wait go on working, and cannot be read any more."""
    payout = sa.table("payout", sa.column("id"), sa.column("cash_code"), sa.column("cash_code_hash"))
    waiting = sa.select(payout.c.id, payout.c.cash_code).where(payout.c.cash_code.is_not(None))
    for id, code in op.get_bind().execute(waiting).all():
        op.execute(payout.update().where(payout.c.id == id).values(cash_code_hash=hash_of(key, code)))


def _seal_texts(seal: Seal) -> None:
    """Mask the codes for cash and those of a PIN reset; a text that waits to leave keeps its code, sealed."""
    message = sa.table("message", *map(sa.column, ("id", "text", "status", "direction", "topic", "about", "sealed")))
    c = message.c
    with_code = (c.topic.in_(("payout.created", "payout.rerouted"))) | ((c.topic == "reply") & c.about.is_(None))
    found = sa.select(c.id, c.text, c.status).where(c.direction == "out", with_code)
    for id, text, status in op.get_bind().execute(found).all():
        closed = seal.close(text, CODE.findall(text), f"0034:{id}")
        if closed.codes:
            sealed = closed.codes if status in ("queued", "sending") else ""
            op.execute(message.update().where(c.id == id).values(text=closed.text, sealed=sealed))


def downgrade() -> None:
    """The codes of cash that waits cannot be restored: an operator pays it in another way."""
    with op.batch_alter_table("payout") as payout:
        payout.drop_constraint(op.f("uq_payout_cash_code_hash"), type_="unique")
        payout.drop_column("cash_code_made_at")
        payout.drop_column("cash_code_number")
        payout.drop_column("cash_code_hash")
        payout.add_column(sa.Column("cash_code", sa.String(), nullable=True))
        payout.create_unique_constraint(op.f("uq_payout_cash_code"), ["cash_code"])
    op.drop_table("wrong_cash_code")
    op.drop_index("message_sealed", table_name="message")
    op.drop_column("message", "sealed")
