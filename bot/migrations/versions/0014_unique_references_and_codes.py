"""A provider's reference, a cash code and the open help request of a phone are unique."""

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPEN = sa.text("closed_at IS NULL")
PAYOUT = sa.table(
    "payout",
    *(sa.column(name) for name in ("id", "provider", "provider_reference", "cash_code")),
    sa.column("created_at", UtcDateTime()),
)
HELP_REQUEST = sa.table(
    "help_request",
    sa.column("id"),
    sa.column("msisdn"),
    sa.column("created_at", UtcDateTime()),
    sa.column("closed_at", UtcDateTime()),
)


def upgrade() -> None:
    _number_repeated_references()
    _draw_repeated_cash_codes_again()
    _close_repeated_help_requests()
    with op.batch_alter_table("payout") as payout:
        payout.create_unique_constraint(op.f("uq_payout_provider_provider_reference"), ["provider", "provider_reference"])
        payout.create_unique_constraint(op.f("uq_payout_cash_code"), ["cash_code"])
    op.create_index(
        "uq_help_request_open", "help_request", ["msisdn"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("uq_help_request_open", "help_request")
    with op.batch_alter_table("payout") as payout:
        payout.drop_constraint(op.f("uq_payout_cash_code"), type_="unique")
        payout.drop_constraint(op.f("uq_payout_provider_provider_reference"), type_="unique")


def _repeated(table: sa.TableClause, *columns: str) -> list[sa.Row[Any]]:
    """The rows, oldest first, whose values in these columns an older row has too; the last field counts those."""
    same = [table.c[name] for name in columns]
    nth = sa.func.row_number().over(partition_by=same, order_by=(table.c.created_at, table.c.id)).label("nth")
    numbered = sa.select(table.c.id, *same, nth).where(*(column.is_not(None) for column in same))
    if table is HELP_REQUEST:
        numbered = numbered.where(table.c.closed_at.is_(None))
    rows = numbered.subquery()
    return list(op.get_bind().execute(sa.select(rows).where(rows.c.nth > 1)))


def _number_repeated_references() -> None:
    """`SFF6` of a second payout becomes `SFF6 (2)`; which of the two was paid, the provider's list says."""
    for row in _repeated(PAYOUT, "provider", "provider_reference"):
        numbered = f"{row.provider_reference} ({row.nth})"
        op.execute(PAYOUT.update().where(PAYOUT.c.id == row.id).values(provider_reference=numbered))


def _draw_repeated_cash_codes_again() -> None:
    """With two payouts under one code, the kiosk could pay neither. The older one keeps it."""
    used = set(op.get_bind().scalars(sa.select(PAYOUT.c.cash_code)))
    for row in _repeated(PAYOUT, "cash_code"):
        while (code := f"{secrets.randbelow(10**6):06}") in used:
            pass
        used.add(code)
        op.execute(PAYOUT.update().where(PAYOUT.c.id == row.id).values(cash_code=code))


def _close_repeated_help_requests() -> None:
    for row in _repeated(HELP_REQUEST, "msisdn"):
        closed = HELP_REQUEST.update().where(HELP_REQUEST.c.id == row.id)
        op.execute(closed.values(closed_at=HELP_REQUEST.c.created_at))
