"""The ledger, and for each payout the provider that was asked to pay it."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
APPEND_ONLY = ("ledger_entry", "ledger_posting")


def upgrade() -> None:
    _create_ledger()
    with op.batch_alter_table("payout") as payout:
        payout.add_column(sa.Column("piece", sa.Integer(), nullable=False, server_default="0"))
        payout.add_column(sa.Column("payment_id", sa.String(), nullable=False, server_default=""))
        payout.add_column(sa.Column("sends", sa.Integer(), nullable=False, server_default="0"))
        payout.add_column(sa.Column("sent_at", UtcDateTime(), nullable=True))
        payout.add_column(sa.Column("retried", sa.Boolean(), nullable=False, server_default=sa.false()))
        payout.add_column(sa.Column("provider", sa.String(), nullable=True))
        payout.add_column(sa.Column("blame", sa.String(), nullable=True))
        payout.add_column(sa.Column("kiosk_id", sa.String(), nullable=True))
        payout.alter_column("order_id", existing_type=sa.String(), nullable=True)
        payout.alter_column("assignment_id", existing_type=SERIAL, nullable=True)
        payout.drop_constraint(op.f("uq_payout_assignment_id"), type_="unique")
    _enter_existing_payouts()
    with op.batch_alter_table("payout") as payout:
        for column, kind in (("piece", sa.Integer()), ("payment_id", sa.String()), ("sends", sa.Integer())):
            payout.alter_column(column, existing_type=kind, existing_nullable=False, server_default=None)
        payout.alter_column("retried", existing_type=sa.Boolean(), existing_nullable=False, server_default=None)
        payout.create_index(op.f("ix_payout_kiosk_id_paid_at"), ["kiosk_id", "paid_at"])
        payout.create_index(op.f("ix_payout_provider_reference"), ["provider_reference"])
        payout.create_index(op.f("ix_payout_status_created_at_id"), ["status", "created_at", "id"])
        payout.create_unique_constraint(op.f("uq_payout_assignment_id_piece"), ["assignment_id", "piece"])
        payout.create_unique_constraint(op.f("uq_payout_payment_id"), ["payment_id"])
        payout.create_foreign_key(op.f("fk_payout_kiosk_id"), "kiosk", ["kiosk_id"], ["id"])
    op.create_table(
        "payment_name",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("payout_id", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_payment_name_payout_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_payment_name")),
    )
    op.create_table(
        "payout_pause",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_pause")),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger_account",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_account")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_entry_key")),
    )
    op.create_index(op.f("ix_ledger_entry_at"), "ledger_entry", ["at"])
    op.create_table(
        "ledger_checkpoint",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("upto", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["ledger_account.name"], name=op.f("fk_ledger_checkpoint_account")),
        sa.PrimaryKeyConstraint("account", "upto", name=op.f("pk_ledger_checkpoint")),
    )
    op.create_table(
        "ledger_posting",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("entry_id", SERIAL, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_posting_amount")),
        sa.ForeignKeyConstraint(["account"], ["ledger_account.name"], name=op.f("fk_ledger_posting_account")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_ledger_posting_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_posting")),
    )
    op.create_index(op.f("ix_ledger_posting_account_id"), "ledger_posting", ["account", "id"])
    op.create_index(op.f("ix_ledger_posting_entry_id"), "ledger_posting", ["entry_id"])
    for table in APPEND_ONLY:
        _guard(table)


def _guard(table: str) -> None:
    """Add triggers with which the database refuses to change or delete a row."""
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
    )


def _enter_existing_payouts() -> None:
    """Write ledger entries for the existing payouts: the amount earned, and where the money is now."""
    conn = op.get_bind()
    conn.execute(sa.text("UPDATE payout SET payment_id = id"))
    payouts = sa.text(
        'SELECT payout.id, payout.code, payout.artisan_id, artisan.kiosk_id, payout.status, payout.amount, '
        'payout.currency, payout.created_at, "order".unit_price * assignment.quantity AS total '
        'FROM payout JOIN "order" ON "order".id = payout.order_id '
        "JOIN assignment ON assignment.id = payout.assignment_id JOIN artisan ON artisan.id = payout.artisan_id "
        "ORDER BY payout.created_at, payout.id"
    ).columns(created_at=UtcDateTime())
    for row in conn.execute(payouts).all():
        artisan = f"artisan:{row.artisan_id}"
        earned = {"buyers": row.total, artisan: -row.amount, "commission": row.amount - row.total}
        _enter(conn, f"opening:{row.id}", row, earned)
        accounts = {"sending": "payouts", "unknown": "payouts", "paid": "provider:simulator"}
        paid_from = f"kiosk:{row.kiosk_id}" if row.status == "collected" else accounts.get(row.status)
        if paid_from:
            _enter(conn, f"opening:{row.id}:{row.status}", row, {artisan: row.amount, paid_from: -row.amount})
    conn.execute(sa.text("UPDATE payout SET sends = 1 WHERE status IN ('sending', 'unknown', 'paid', 'failed')"))
    conn.execute(sa.text("UPDATE payout SET sent_at = created_at WHERE sends = 1"))


def _enter(conn: sa.Connection, key: str, row: sa.Row[Any], postings: dict[str, int]) -> None:
    account = sa.table("ledger_account", sa.column("name"), sa.column("currency"))
    entry = sa.table(
        "ledger_entry", sa.column("id"), sa.column("key"), sa.column("note"), sa.column("at", UtcDateTime())
    )
    posting = sa.table("ledger_posting", sa.column("entry_id"), sa.column("account"), sa.column("amount"))
    conn.execute(entry.insert().values(key=key, note=f"payout {row.code}", at=row.created_at))
    entry_id = conn.execute(sa.select(entry.c.id).where(entry.c.key == key)).scalar_one()
    for name, amount in postings.items():
        if not conn.execute(sa.select(account.c.name).where(account.c.name == name)).first():
            conn.execute(account.insert().values(name=name, currency=row.currency))
        if amount:
            conn.execute(posting.insert().values(entry_id=entry_id, account=name, amount=amount))


def downgrade() -> None:
    op.drop_table("simulated_payment", if_exists=True)  # revision 0012 says where it may come from
    op.drop_table("payout_pause")
    op.drop_table("payment_name")
    with op.batch_alter_table("payout") as payout:
        payout.drop_constraint(op.f("fk_payout_kiosk_id"), type_="foreignkey")
        payout.drop_constraint(op.f("uq_payout_payment_id"), type_="unique")
        payout.drop_constraint(op.f("uq_payout_assignment_id_piece"), type_="unique")
        payout.drop_index(op.f("ix_payout_status_created_at_id"))
        payout.drop_index(op.f("ix_payout_provider_reference"))
        payout.drop_index(op.f("ix_payout_kiosk_id_paid_at"))
        payout.create_unique_constraint(op.f("uq_payout_assignment_id"), ["assignment_id"])
        payout.alter_column("assignment_id", existing_type=SERIAL, nullable=False)
        payout.alter_column("order_id", existing_type=sa.String(), nullable=False)
        for column in ("kiosk_id", "blame", "provider", "retried", "sent_at", "sends", "payment_id", "piece"):
            payout.drop_column(column)
    op.drop_table("ledger_posting")
    op.drop_table("ledger_checkpoint")
    op.drop_table("ledger_entry")
    op.drop_table("ledger_account")
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION {table}_stays()")
