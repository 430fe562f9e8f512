"""Deadlines of orders: offers expire, and artisans are reminded."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from marketplace_api import locks
from marketplace_api.lifecycles import ORDER
from marketplace_api.models import Assignment, Brief, Order, Product
from marketplace_api.orders import orders
from marketplace_api.shop import Shop

Row = TypeVar("Row")

REMIND_AFTER = timedelta(hours=6)
"""Artisans are reminded only of offers that are older than this."""
REMINDER_GAP = timedelta(hours=20)
"""The shortest time between two reminders of a part. Less than a day, so that a daily task reminds every day."""
REMIND_BEFORE, REMIND_UNTIL = timedelta(days=1), timedelta(days=3)
"""An artisan is reminded to bring a part from this long before until this long after the day on which it is due."""
AT_ONCE = 200
"""The largest number of orders or parts in one transaction."""


def expire_offers(shop: Shop) -> int:
    """Expire orders whose offer has ended; returns how many, at most `AT_ONCE`."""
    return _expire(shop, Order.status == "placed", Order.expires_at <= shop.now)


def expire_unpaid(shop: Shop) -> int:
    """Expire orders that were not paid in time, so that others can order the pieces; returns how many, as above."""
    return _expire(shop, Order.status == "unpaid", Order.expires_at <= shop.now)


def _expire(shop: Shop, *is_overdue: ColumnElement[bool]) -> int:
    oldest = shop.session.scalars(select(Order.id).where(*is_overdue).order_by(Order.expires_at).limit(AT_ONCE)).all()
    overdue = locks.take_all(shop, Order, Order.id.in_(oldest), *is_overdue, skip_locked=True)
    # locked now, because pieces go back into the stock of one after the event of another
    locks.take_all(shop, Product, Product.id.in_({order.product_id for order in overdue if order.product_id}))
    for order in overdue:
        orders.expire(shop, order)
    return len(overdue)


def extend(shop: Shop, order: Order) -> Order:
    """Let the artisans answer for `orders.OFFER_STANDS` longer; for a brief, until its day at most.

    `Refused` with `order_not_open` unless the order is placed.
    """
    order = orders.lock(shop, order)
    ORDER.check(order, "accept")
    until = max(order.expires_at, shop.now) + orders.OFFER_STANDS
    order.expires_at = min(until, shop.midnight(order.brief.due_on)) if order.brief else until
    shop.session.flush()
    return order


def send_reminders(shop: Shop) -> int:
    """Remind artisans who have not answered an offer, or who have goods to bring that are due.

    Returns the number of parts, at most `AT_ONCE`; there is at most one reminder of a part a day. Call it in daytime.
    """
    ids = shop.session.scalars(_to_remind(shop, select(Assignment.id)).limit(AT_ONCE)).all()
    of_these = Order.assignments.any(Assignment.id.in_(ids))
    locks.take_all(shop, Order, of_these)
    still = _to_remind(shop, select(Assignment)).where(Assignment.id.in_(ids))
    parts = shop.session.scalars(still).all()
    for _, of_one_order in groupby(parts, key=lambda part: part.order_id):
        for part in of_one_order:
            part.reminded_at = shop.now
        orders.record_event(shop, part.order, "order.reminded")
    return len(parts)


def _to_remind(shop: Shop, columns: Select[Row]) -> Select[Row]:
    """The parts of which nobody was reminded today, with the oldest order first."""
    of_parts = columns.select_from(Assignment).join(Assignment.order).outerjoin(Order.brief)
    return of_parts.where(
        or_(_is_unanswered(shop), _is_due(shop)),
        or_(Assignment.reminded_at.is_(None), Assignment.reminded_at <= shop.now - REMINDER_GAP),
    ).order_by(Order.created_at, Order.id, Assignment.id)


def _is_unanswered(shop: Shop) -> ColumnElement[bool]:
    return and_(
        Assignment.status == "offered",
        Order.created_at <= shop.now - REMIND_AFTER,
        Order.expires_at > shop.now,
    )


def _is_due(shop: Shop) -> ColumnElement[bool]:
    due_on = func.coalesce(Assignment.promised_on, Brief.due_on)
    return and_(
        Assignment.status == "accepted",
        Assignment.ready_at.is_(None),
        due_on.between(shop.today - REMIND_UNTIL, shop.today + REMIND_BEFORE),
    )
