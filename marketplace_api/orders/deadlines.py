"""What time does to orders: offers end, and people are reminded before they do."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, and_, func, or_, select

from marketplace_api.models import Assignment, Brief, Order
from marketplace_api.orders import orders
from marketplace_api.shop import Shop

LEFT_ALONE = timedelta(hours=6)
"""Nobody is reminded of an offer that is younger."""
A_DAY = timedelta(hours=20)
"""Between two reminders of the same; a little less than a day, so that a morning never falls out."""
BEFORE, AFTER = timedelta(days=1), timedelta(days=3)
"""Around the day on which something is due, its artisan is reminded to bring it."""
AT_ONCE = 200


def expire_offers(shop: Shop) -> int:
    """Ends offers whose time is over; how many that were."""
    over = select(Order).where(Order.status == "placed", Order.expires_at <= shop.now)
    rows = shop.session.scalars(
        over.order_by(Order.expires_at).limit(AT_ONCE).with_for_update(of=Order, skip_locked=True)
    )
    ended = rows.all()
    for order in ended:
        orders.expire(shop, order)
    return len(ended)


def send_reminders(shop: Shop) -> int:
    """Reminds those who have not answered an offer or have something to bring; of how many parts.

    Each part at most once a day. To be called while people are awake.
    """
    wanting = (
        select(Assignment)
        .join(Assignment.order)
        .outerjoin(Order.brief)
        .where(
            or_(_is_unanswered(shop), _is_due(shop)),
            or_(Assignment.reminded_at.is_(None), Assignment.reminded_at <= shop.now - A_DAY),
        )
        .order_by(Order.created_at, Order.id, Assignment.id)
        .limit(AT_ONCE)
    )
    parts = shop.session.scalars(wanting).all()
    for _, of_one_order in groupby(parts, key=lambda part: part.order_id):
        for part in of_one_order:
            part.reminded_at = shop.now
        orders.record_event(shop, part.order, "order.reminded")
    return len(parts)


def _is_unanswered(shop: Shop) -> ColumnElement[bool]:
    return and_(
        Assignment.status == "offered",
        Order.created_at <= shop.now - LEFT_ALONE,
        Order.expires_at > shop.now,
    )


def _is_due(shop: Shop) -> ColumnElement[bool]:
    due_on = func.coalesce(Assignment.promised_on, Brief.due_on)
    return and_(
        Assignment.status == "accepted",
        Assignment.ready_at.is_(None),
        due_on.between(shop.today - AFTER, shop.today + BEFORE),
    )
