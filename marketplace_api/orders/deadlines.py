"""Deadlines of orders: offers expire, and artisans are reminded."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, and_, func, or_, select

from marketplace_api.models import Assignment, Brief, Order
from marketplace_api.orders import orders
from marketplace_api.shop import Shop

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
    overdue = select(Order).where(Order.status == "placed", Order.expires_at <= shop.now)
    rows = shop.session.scalars(
        overdue.order_by(Order.expires_at).limit(AT_ONCE).with_for_update(of=Order, skip_locked=True)
    )
    ended = rows.all()
    for order in ended:
        orders.expire(shop, order)
    return len(ended)


def send_reminders(shop: Shop) -> int:
    """Remind artisans who have not answered an offer, or who have goods to bring that are due.

    Returns the number of parts, at most `AT_ONCE`; there is at most one reminder of a part a day. Call it in daytime.
    """
    to_remind = (
        select(Assignment)
        .join(Assignment.order)
        .outerjoin(Order.brief)
        .where(
            or_(_is_unanswered(shop), _is_due(shop)),
            or_(Assignment.reminded_at.is_(None), Assignment.reminded_at <= shop.now - REMINDER_GAP),
        )
        .order_by(Order.created_at, Order.id, Assignment.id)
        .limit(AT_ONCE)
    )
    parts = shop.session.scalars(to_remind).all()
    for _, of_one_order in groupby(parts, key=lambda part: part.order_id):
        for part in of_one_order:
            part.reminded_at = shop.now
        orders.record_event(shop, part.order, "order.reminded")
    return len(parts)


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
