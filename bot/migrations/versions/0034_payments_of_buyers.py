"""Payments of buyers, refunds, terms of storefronts, rates and charges; every order has a purse.

Each order that exists counts as vouched for by the key that placed it. Its purse gets the money that the order still
needs. What its buyer owed for received goods is now owed by the storefront. Nothing that an artisan has earned or was paid changes.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy_utc import UtcDateTime


revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

BY = "job:migration"
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ACCOUNT = sa.table("ledger_account", sa.column("name"), sa.column("currency"))
ENTRY = sa.table(
    "ledger_entry", *(sa.column(name) for name in ("id", "key", "note", "by")), sa.column("at", UtcDateTime())
)
POSTING = sa.table("ledger_posting", *(sa.column(name) for name in ("id", "entry_id", "account", "amount")))
ORDER = sa.table(
    "order",
    *(sa.column(name) for name in ("id", "code", "status", "placed_by", "currency", "quantity")),
    sa.column("unit_price", sa.BigInteger()),
)
PART = sa.table("assignment", *(sa.column(name) for name in ("order_id", "status", "quantity")))


def upgrade() -> None:
    op.create_table(
        "buyer_payment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("collector", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("shop_amount", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.String(), nullable=True),
        sa.Column("msisdn", sa.String(), nullable=True),
        sa.Column("return_url", sa.String(), nullable=True),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("fee", sa.BigInteger(), nullable=True),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("captured_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_buyer_payment_amount")),
        sa.CheckConstraint("shop_amount > 0", name=op.f("ck_buyer_payment_shop_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_buyer_payment_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buyer_payment")),
        sa.UniqueConstraint("token", name=op.f("uq_buyer_payment_token")),
        sa.UniqueConstraint("collector", "reference", name=op.f("uq_buyer_payment_collector_reference")),
    )
    for columns in (
        ("order_id", "created_at", "id"),
        ("created_at", "id"),
        ("status", "created_at", "id"),
        ("collector", "provider_id"),
        ("msisdn",),
    ):
        op.create_index(op.f(f"ix_buyer_payment_{'_'.join(columns)}"), "buyer_payment", list(columns))
    is_kept = sa.text("is_kept")
    op.create_index(
        "uq_buyer_payment_kept",
        "buyer_payment",
        ["order_id"],
        unique=True,
        sqlite_where=is_kept,
        postgresql_where=is_kept,
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("shop_amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_refund_amount")),
        sa.CheckConstraint("shop_amount >= 0", name=op.f("ck_refund_shop_amount")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_refund_order_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["buyer_payment.id"], name=op.f("fk_refund_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("token", name=op.f("uq_refund_token")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_refund_provider_reference")),
    )
    for columns in (("payment_id",), ("order_id",), ("created_at", "id"), ("status", "created_at", "id")):
        op.create_index(op.f(f"ix_refund_{'_'.join(columns)}"), "refund", list(columns))
    op.create_table(
        "collector_event",
        sa.Column("collector", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("collector", "id", name=op.f("pk_collector_event")),
    )
    op.create_index(op.f("ix_collector_event_at"), "collector_event", ["at"])
    op.create_table(
        "collecting_pause",
        sa.Column("collector", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("collector", name=op.f("pk_collecting_pause")),
    )
    op.create_table(
        "storefront_terms",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("may_vouch", sa.Boolean(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=True),
        sa.Column("settle_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_storefront_terms")),
    )
    op.create_table(
        "settlement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_settlement_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
        sa.UniqueConstraint("reference", name=op.f("uq_settlement_reference")),
    )
    op.create_index(op.f("ix_settlement_key_id"), "settlement", ["key_id"])
    op.create_table(
        "exchange_rate",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("rate", sa.String(), nullable=False),
        sa.Column("margin", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_rate")),
    )
    op.create_index(op.f("ix_exchange_rate_currency_id"), "exchange_rate", ["currency", "id"])
    op.create_table(
        "shipping_charge",
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("country", "pieces", name=op.f("pk_shipping_charge")),
    )
    op.create_table(
        "tax_rate",
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("country", name=op.f("pk_tax_rate")),
    )
    with op.batch_alter_table("order") as order:
        order.add_column(sa.Column("shipping", sa.BigInteger(), nullable=False, server_default="0"))
        order.add_column(sa.Column("tax_points", sa.Integer(), nullable=False, server_default="0"))
        order.add_column(sa.Column("tax", sa.BigInteger(), nullable=False, server_default="0"))
        order.add_column(sa.Column("payment_status", sa.String(), nullable=False, server_default="vouched"))
        order.drop_constraint(op.f("ck_order_split"), type_="check")
        order.create_check_constraint(op.f("ck_order_split"), "commission + artisan_earns + shipping + tax = total")
    with op.batch_alter_table("order") as order:
        for column in ("shipping", "tax_points", "tax", "payment_status"):
            order.alter_column(column, server_default=None)
    _fill_purses()
    _move_what_buyers_owe()


def _fill_purses() -> None:
    """Enter that storefronts vouch for what their open orders still need: set by set, because there may be many."""
    conn, now = op.get_bind(), datetime.now(UTC)
    of_order = PART.c.order_id == ORDER.c.id

    def pieces(status: str) -> sa.ScalarSelect[int]:
        summed = sa.select(sa.func.coalesce(sa.func.sum(PART.c.quantity), 0))
        return summed.where(of_order, PART.c.status == status).correlate(ORDER).scalar_subquery()

    to_come = sa.case((ORDER.c.status == "placed", ORDER.c.quantity - pieces("received")), else_=pieces("accepted"))
    needs = (
        sa.select(ORDER.c.id, ORDER.c.code, ORDER.c.placed_by, ORDER.c.currency, ORDER.c.unit_price * to_come)
        .add_columns(sa.literal(1))
        .where(ORDER.c.status.in_(("placed", "accepted")))
        .subquery()
    )
    order_id, code, placed_by, currency, amount, _ = needs.c
    filled = amount > 0
    purse, storefront = sa.literal("order:") + order_id, sa.literal("storefront:") + placed_by
    known = sa.select(ACCOUNT.c.name)
    for name in (purse, storefront):
        new = sa.select(name, sa.func.min(currency)).where(filled, name.not_in(known)).group_by(name)
        conn.execute(ACCOUNT.insert().from_select(["name", "currency"], new))
    key = sa.literal("filled:") + order_id + _suffix(conn)
    entries = sa.select(
        key, sa.literal("order ") + code, sa.literal(now, UtcDateTime()), sa.literal(BY)
    ).where(filled)
    conn.execute(ENTRY.insert().from_select(["key", "note", "at", "by"], entries))
    of_entry = needs.join(ENTRY, ENTRY.c.key == key)
    for account, signed in ((storefront, amount), (purse, -amount)):
        lines = sa.select(ENTRY.c.id, account, signed).select_from(of_entry).where(filled)
        conn.execute(POSTING.insert().from_select(["entry_id", "account", "amount"], lines))


def _move_what_buyers_owe() -> None:
    """Move the balance of `buyers` to the storefronts that placed the orders, by one entry."""
    conn = op.get_bind()
    owed = conn.scalar(sa.select(sa.func.sum(POSTING.c.amount)).where(POSTING.c.account == "buyers"))
    if not owed:
        return
    currency = conn.scalar(sa.select(ACCOUNT.c.currency).where(ACCOUNT.c.name == "buyers"))
    goods = sa.func.sum(ORDER.c.unit_price * PART.c.quantity)
    received = (
        sa.select(ORDER.c.placed_by, goods)
        .select_from(PART.join(ORDER, ORDER.c.id == PART.c.order_id))
        .where(PART.c.status == "received")
        .group_by(ORDER.c.placed_by)
    )
    shares = {f"storefront:{placed_by}": int(amount) for placed_by, amount in conn.execute(received)}
    if rest := int(owed) - sum(shares.values()):
        shares["adjustments"] = rest  # of entries that an operator reversed by hand
    for name in shares:
        if conn.scalar(sa.select(ACCOUNT.c.name).where(ACCOUNT.c.name == name)) is None:
            conn.execute(ACCOUNT.insert().values(name=name, currency=currency))
    _enter(conn, f"opening:buyers{_suffix(conn)}", "owed by storefronts", {**shares, "buyers": -int(owed)})


def _suffix(conn: sa.Connection) -> str:
    """Makes keys of entries new in each run: entries of an earlier run stay, also after a downgrade."""
    return f":{conn.scalar(sa.select(sa.func.max(ENTRY.c.id))) or 0}"


def _enter(conn: sa.Connection, key: str, note: str, postings: dict[str, int]) -> None:
    conn.execute(ENTRY.insert().values(key=key, note=note, at=datetime.now(UTC), by=BY))
    entry_id = conn.scalar(sa.select(ENTRY.c.id).where(ENTRY.c.key == key))
    for name, amount in postings.items():
        if amount:
            conn.execute(POSTING.insert().values(entry_id=entry_id, account=name, amount=amount))


def _owe_to_buyers_again() -> None:
    """Move the balances of purses and storefronts back to `buyers`."""
    conn = op.get_bind()
    account = POSTING.c.account
    moved = sa.or_(account.like("order:%"), account.like("storefront:%"))
    sums = sa.select(account, sa.func.sum(POSTING.c.amount)).where(moved).group_by(account)
    balances = {name: -int(amount) for name, amount in conn.execute(sums) if amount}
    if not balances:
        return
    if conn.scalar(sa.select(ACCOUNT.c.name).where(ACCOUNT.c.name == "buyers")) is None:
        currency = conn.scalar(sa.select(ACCOUNT.c.currency).where(ACCOUNT.c.name == next(iter(balances))))
        conn.execute(ACCOUNT.insert().values(name="buyers", currency=currency))
    key = f"closing:purses{_suffix(conn)}"
    _enter(conn, key, "owed by buyers", {**balances, "buyers": -sum(balances.values())})


def downgrade() -> None:
    _owe_to_buyers_again()
    with op.batch_alter_table("order") as order:
        order.drop_constraint(op.f("ck_order_split"), type_="check")
        for column in ("payment_status", "tax", "tax_points", "shipping"):
            order.drop_column(column)
        order.create_check_constraint(op.f("ck_order_split"), "commission + artisan_earns = total")
    for table in (
        *("tax_rate", "shipping_charge", "exchange_rate", "settlement", "storefront_terms"),
        *("collecting_pause", "collector_event", "refund", "buyer_payment"),
    ):
        op.drop_table(table)
