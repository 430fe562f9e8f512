"""People who use the console: how they log in, their sessions, and the log of what they did."""

from typing import Any

import sqlalchemy as sa
import sqlalchemy_utc
from alembic import op


revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

LOG = "operator_act"
TIME = sqlalchemy_utc.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "operator",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("code_secret", sa.String(), nullable=True),
        sa.Column("code_step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", TIME(), nullable=False),
        sa.Column("revoked_at", TIME(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
    )
    in_use = sa.text("revoked_at IS NULL")
    op.create_index(
        "uq_operator_name", "operator", ["name"], unique=True, sqlite_where=in_use, postgresql_where=in_use
    )
    _create(
        "operator_invitation",
        "hash",
        sa.Column("expires_at", TIME(), nullable=False),
        sa.Column("used_at", TIME(), nullable=True),
    )
    _create(
        "operator_passkey",
        "id",
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("created_at", TIME(), nullable=False),
        sa.Column("last_used_at", TIME(), nullable=True),
    )
    _create(
        "operator_session",
        "hash",
        sa.Column("created_at", TIME(), nullable=False),
        sa.Column("seen_at", TIME(), nullable=False),
        sa.Column("ended_at", TIME(), nullable=True),
    )
    op.create_table(
        LOG,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", TIME(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_act")),
    )
    op.create_index(op.f("ix_operator_act_about_id"), LOG, ["about", "id"])
    _guard_log()


def _create(table: str, key: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column(key, sa.String(), nullable=False),
        sa.Column("operator_id", sa.String(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f(f"fk_{table}_operator_id")),
    )
    op.create_index(op.f(f"ix_{table}_operator_id"), table, ["operator_id"])


def _guard_log() -> None:
    if op.get_bind().dialect.name == "sqlite":
        refusal = f"BEGIN SELECT RAISE(ABORT, '{LOG} is append-only'); END"
        for action in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {LOG}_no_{action.lower()} BEFORE {action} ON {LOG} {refusal}")
        replaces = f"EXISTS (SELECT 1 FROM {LOG} WHERE id = NEW.id)"
        op.execute(f"CREATE TRIGGER {LOG}_no_replace BEFORE INSERT ON {LOG} WHEN {replaces} {refusal}")
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION {LOG}_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{LOG} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {LOG}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {LOG} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {LOG}_stays()"
    )


def downgrade() -> None:
    for table in (LOG, "operator_session", "operator_passkey", "operator_invitation", "operator"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {LOG}_stays()")
