"""Locks of rows: whatever a command decides on, it reads under the lock that protects it.

    artisan = locks.take_one(shop, Artisan, Artisan.id == "art_1")    # the row as it is now, or None

A transaction locks the artisan first, then orders, products and the kiosk, and all of them before it records its first
event. `docs/adr/0024-order-of-locks.md` says what each lock protects.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, exists, func, select
from sqlalchemy.orm import joinedload, lazyload

from marketplace_api.models import (
    ApiKey,
    Artisan,
    BuyerPayment,
    ConsoleOperator,
    HelpRequest,
    Kiosk,
    MoneyProposal,
    Order,
    Product,
    Refund,
)
from marketplace_api.shop import Shop

Lockable = TypeVar("Lockable", ApiKey, Artisan, HelpRequest, Kiosk, ConsoleOperator, MoneyProposal, Order, Product)
OfOrder = TypeVar("OfOrder", BuyerPayment, Refund)

_HELD = "held_rows"
"""Where a session keeps the ids of rows that its transaction has locked and read."""
_ALONE = (ApiKey, Artisan, HelpRequest, Kiosk, ConsoleOperator, MoneyProposal)
"""Tables whose rows are locked and read by one statement, because nothing but the row is decided on."""


def take_one(shop: Shop, table: type[Lockable], *where: ColumnElement[bool]) -> Lockable | None:
    """The row as it is in the database now, locked until the transaction ends; None if there is none.

    What is loaded with the row, such as the parts of an order, is read again too.
    """
    if table in _ALONE:
        alone = select(table).where(*where).options(lazyload("*")).execution_options(populate_existing=True)
        return shop.session.scalars(alone.with_for_update(of=table, key_share=True)).one_or_none()
    return next(iter(take_all(shop, table, *where)), None)


def take_order_of_artisan(shop: Shop, artisan_id: ScalarSelect[str], order_id: ScalarSelect[str]) -> Order | None:
    """As `take_one` for an order, after the lock of an artisan, by one statement; None if one of them is unknown."""
    if shop.session.get_bind().dialect.name == "sqlite":
        return next(iter(_read(shop, Order, Order.id == order_id)), None)
    # the condition needs this row, so the artisan is locked before the order
    artisan = select(Artisan.id).where(Artisan.id == artisan_id).with_for_update(key_share=True).cte("artisan_first")
    order = select(Order.id).where(Order.id == order_id, exists(select(artisan.c.id)))
    locked = shop.session.scalar(order.with_for_update(of=Order, key_share=True))
    return next(iter(_read(shop, Order, Order.id == locked)), None) if locked else None


def take_of_order(shop: Shop, table: type[OfOrder], row_id: str) -> OfOrder | None:
    """A payment or refund as it is in the database now, under the lock of its order; None if it is unknown.

    The order's parts are not read again, and nothing is if this transaction has locked the row before.
    """
    if is_held(shop, row_id):
        return shop.session.get_one(table, row_id)
    if shop.session.scalar(_order_of(table, shop.session.get_bind().dialect.name), {"id": row_id}) is None:
        return None
    hold(shop, row_id)
    row: OfOrder = shop.session.scalars(_without_parts(table), {"id": row_id}).one()
    return row


@cache  # it takes longer to build the statement than to execute it
def _order_of(table: Any, dialect: str) -> Select[Any]:
    """Locks the order of a payment or refund, and returns its id."""
    order_id = select(table.order_id).where(table.id == bindparam("id", type_=table.id.type)).scalar_subquery()
    order = select(Order.id).where(Order.id == order_id)
    return order if dialect == "sqlite" else order.with_for_update(of=Order, key_share=True)


@cache
def _without_parts(table: Any) -> Select[Any]:
    """Reads a payment or refund and its order, and what else belongs to the order only when it is needed."""
    order = joinedload(Refund.payment).joinedload(BuyerPayment.order) if table is Refund else joinedload(table.order)
    row = select(table).where(table.id == bindparam("id", type_=table.id.type))
    alone = row.options(order.options(lazyload(Order.assignments), lazyload(Order.timeline)))
    return alone.execution_options(populate_existing=True)


def is_held(shop: Shop, row_id: str) -> bool:
    """True if this transaction has locked and read the row before, by `hold`, so nobody else can change it."""
    transaction, ids = shop.session.info.get(_HELD, (None, frozenset()))
    return transaction is shop.session.get_transaction() and row_id in ids


def hold(shop: Shop, row_id: str) -> None:
    """Remember that the row is locked and read. Not in a savepoint: when it is rolled back, the lock is released."""
    if shop.session.in_nested_transaction():
        return
    transaction, ids = shop.session.info.get(_HELD, (None, frozenset()))
    current = shop.session.get_transaction()
    shop.session.info[_HELD] = current, {row_id, *ids} if transaction is current else {row_id}


def take_all(
    shop: Shop, table: type[Lockable], *where: ColumnElement[bool], shared: bool = False, skip_locked: bool = False
) -> Sequence[Lockable]:
    """The rows as they are in the database now, by id, locked until the transaction ends.

    Others may share a `shared` lock, but not change the rows. `skip_locked` leaves out rows that others have locked.
    """
    if shop.session.get_bind().dialect.name == "sqlite":  # it has one writer, which is this transaction
        return _read(shop, table, *where)
    # not FOR UPDATE: rows that refer to these may be inserted meanwhile, which changes nothing here
    wanted = select(table.id).where(*where).order_by(table.id)
    locked = wanted.with_for_update(of=table, read=shared, key_share=not shared, skip_locked=skip_locked)
    ids = shop.session.scalars(locked).all()
    if not ids:
        return []
    # a statement that waits for a lock may see other tables as they were before, so the rows are read by another one
    return _read(shop, table, table.id.in_(ids))


def take_name(shop: Shop, name: str) -> None:
    """Lock a name until the transaction ends, where no row could be locked: other transactions may be inserting one."""
    if shop.session.get_bind().dialect.name != "sqlite":
        shop.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def _read(shop: Shop, table: type[Lockable], *where: ColumnElement[bool]) -> Sequence[Lockable]:
    """The rows, by id, and what is loaded with them, as they are in the database now."""
    rows: Sequence[Lockable] = shop.session.scalars(_fresh(table).where(*where)).unique().all()
    return rows


@cache  # it takes longer to build the statement than to execute it
def _fresh(table: Any) -> Select[Any]:
    fresh = select(table).order_by(table.id)
    if table is Order:
        fresh = fresh.options(joinedload(Order.assignments), joinedload(Order.timeline))
    return fresh.execution_options(populate_existing=True)
