"""Who caused each event and entry, the shop's currency, and a ledger in which no row can be replaced or truncated."""

import sqlalchemy as sa
from alembic import op


revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SAME_ROW = {
    "ledger_account": "name = NEW.name",
    "ledger_entry": "id = NEW.id OR key = NEW.key",
    "ledger_posting": "id = NEW.id",
    "ledger_checkpoint": "account = NEW.account AND upto = NEW.upto",
    "shop_currency": "id = NEW.id",
}
"""The append-only tables, and the condition under which a row that is inserted would replace one."""
GUARDED_BEFORE = ("ledger_entry", "ledger_posting")
"""The tables that had triggers against UPDATE and DELETE in revision 0010."""


def upgrade() -> None:
    op.add_column("event", sa.Column("by", sa.String(), nullable=True))
    op.add_column("ledger_entry", sa.Column("by", sa.String(), nullable=True))
    op.create_table(
        "shop_currency",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_currency")),
    )
    _store_currency_in_use()
    for table in SAME_ROW:
        _guard(table)


def _store_currency_in_use() -> None:
    """Without any amount yet, the currency is stored at the next start."""
    conn = op.get_bind()
    for table in ("ledger_account", "product", '"order"'):
        currency = conn.execute(sa.text(f"SELECT currency FROM {table} LIMIT 1")).scalar()
        if currency:
            stored = sa.table("shop_currency", sa.column("id"), sa.column("currency"))
            conn.execute(stored.insert().values(id=1, currency=currency))
            return


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        if table not in GUARDED_BEFORE:
            for action in ("UPDATE", "DELETE"):
                op.execute(f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} {refusal}")
        exists = f"EXISTS (SELECT 1 FROM {table} WHERE {SAME_ROW[table]})"
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} {refusal}")
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(f"DROP TRIGGER IF EXISTS {table}_stays ON {table}")
    _guard_on_postgresql(table, "UPDATE OR DELETE OR TRUNCATE")


def _guard_on_postgresql(table: str, actions: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_stays BEFORE {actions} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
    )


def downgrade() -> None:
    for table in SAME_ROW:
        _unguard(table)
    op.drop_table("shop_currency")
    op.drop_column("ledger_entry", "by")
    op.drop_column("event", "by")


def _unguard(table: str) -> None:
    """Leave the triggers of revision 0010."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {table}_no_replace")
        if table not in GUARDED_BEFORE:
            for action in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{action}")
        return
    op.execute(f"DROP TRIGGER {table}_stays ON {table}")
    if table in GUARDED_BEFORE:
        _guard_on_postgresql(table, "UPDATE OR DELETE")
    else:
        op.execute(f"DROP FUNCTION {table}_stays()")
