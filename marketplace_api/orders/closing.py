"""Ways out of every status of an order that waits: by an operator, and by time (`shop.Deadlines`).

| an order that is | ends by people | by an operator | by time |
|---|---|---|---|
| accepted | the artisan brings it or gives it back | `void` | `give_up_late`: a part that is not brought is released |
| at its kiosk | the agent ships it | `void`, ship | `remind_to_ship`, then `void_unshipped` |
| shipped | the buyer says that it came | `void`, deliver | `ask_whether_it_came`, then `assume_delivered` |
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select

from marketplace_api import locks
from marketplace_api.catalogue import products
from marketplace_api.lifecycles import ASSIGNMENT, ORDER
from marketplace_api.models import Assignment, Brief, Order, TimelineEntry
from marketplace_api.orders import orders
from marketplace_api.shop import Shop
from marketplace_api.statuses import OrderStatus

NOT_BROUGHT = "late"
"""The reason of a part that was not brought in time."""
NOT_SHIPPED = "never shipped"
REMIND_BEFORE = timedelta(days=3)
"""An agent is reminded to ship an order from this long before its order would be voided."""
AT_ONCE = 200
"""The largest number of orders in one transaction."""


def void(shop: Shop, order: Order, reason: str) -> Order:
    """End an order that is accepted, at its kiosk or shipped, because of `reason`, such as a lost parcel.

    Its open parts are released. What artisans have earned by goods received stays theirs. `Refused` with
    `order_not_voidable`.
    """
    order = orders.lock(shop, order)
    if order.status != "shipped":  # else they are used
        order.shipping = order.tax_points = 0
    ORDER.move(order, "void")
    for part in order.assignments:
        if part.status == "accepted":
            ASSIGNMENT.move(part, "release")
            if order.product_id:
                products.take_out(shop, order.product_id, part.quantity)
            # the time tells the notifier which parts the event is about, as it does for a reminder
            part.reason, part.reminded_at = reason, shop.now
    orders.update_money(shop, order)
    orders.record_status(shop, order, "order.voided")
    return order


def give_up_late(shop: Shop) -> int:
    """Release one part that is not brought long after its day, as its artisan could; returns 1, or 0 if there is none.

    The day is the one that the artisan promised, else the brief's, else that of the order.
    """
    day = func.coalesce(Assignment.promised_on, Brief.due_on, func.date(Order.created_at))
    last_day = shop.today - shop.terms.deadlines.bring
    # no day is before that of the order; without this condition, every accepted part would be read
    may_be_late = (
        Order.status.in_(("placed", "accepted")),
        Order.created_at < shop.midnight(last_day + timedelta(days=1)),
    )
    old = select(Order.id).where(*may_be_late)
    # with `coalesce` no index of the status fits, so SQLite begins with the old orders
    is_accepted = func.coalesce(Assignment.status, "") == "accepted"
    late = Assignment.order_id.in_(old), is_accepted, day < last_day
    of_parts = select(Assignment).join(Assignment.order).outerjoin(Order.brief).where(*late)
    while found := shop.session.scalars(of_parts.order_by(Assignment.id).limit(1)).first():
        orders.lock(shop, found.order)
        if found.status == "accepted":  # else somebody was faster
            found.reason, found.reminded_at = NOT_BROUGHT, shop.now
            orders.release_part(shop, found)
            return 1
    return 0


def remind_to_ship(shop: Shop) -> int:
    """Remind the agents of orders that will be voided soon, once while the goods are there; returns how many orders.

    At most `AT_ONCE`. Orders that have been there for too long already are left to `void_unshipped`.
    """
    reached, ship = _reached("at_kiosk"), shop.terms.deadlines.ship
    # goods whose receipt was reversed come a second time
    unreminded = or_(Order.shipping_reminded_at.is_(None), Order.shipping_reminded_at < reached)
    due = _lock_since(shop, "at_kiosk", ship - REMIND_BEFORE, reached > shop.now - ship, unreminded)
    for order in due:
        order.shipping_reminded_at = shop.now
        orders.record_event(shop, order, "order.shipping_reminded")
    return len(due)


def ship_by(shop: Shop, order: Order) -> date:
    """The last day on which an order at its kiosk is surely not voided yet; today at the earliest."""
    reached = max(entry.at for entry in order.timeline if entry.status == "at_kiosk")
    voided_on = (reached + shop.terms.deadlines.ship).astimezone(shop.terms.zone).date()
    return max(voided_on - timedelta(days=1), shop.today)


def void_unshipped(shop: Shop) -> int:
    """Void orders that have been at their kiosk for too long; returns how many, at most `AT_ONCE`."""
    overdue = _lock_since(shop, "at_kiosk", shop.terms.deadlines.ship)
    for order in overdue:
        void(shop, order, NOT_SHIPPED)
    return len(overdue)


def ask_whether_it_came(shop: Shop) -> int:
    """Ask the buyers of orders that were shipped some days ago, once; returns how many, at most `AT_ONCE`."""
    unasked = Order.delivery_asked_at.is_(None)
    due = _lock_since(shop, "shipped", shop.terms.deadlines.ask, unasked)
    for order in due:
        order.delivery_asked_at = shop.now
        orders.record_event(shop, order, "order.delivery_asked")
    return len(due)


def assume_delivered(shop: Shop) -> int:
    """Close shipped orders whose buyers were asked and did not answer; returns how many, at most `AT_ONCE`."""
    unanswered = _lock_since(shop, "shipped", shop.terms.deadlines.close, Order.delivery_asked_at.is_not(None))
    for order in unanswered:
        ORDER.move(order, "deliver")
        orders.record_status(shop, order, "order.assumed_delivered")
    return len(unanswered)


def _lock_since(shop: Shop, status: OrderStatus, age: timedelta, *where: ColumnElement[bool]) -> Sequence[Order]:
    """Orders that have had this status for at least `age`, locked."""
    overdue = Order.status == status, _reached(status) <= shop.now - age, *where
    ids = shop.session.scalars(select(Order.id).where(*overdue).order_by(Order.created_at).limit(AT_ONCE)).all()
    return locks.take_all(shop, Order, Order.id.in_(ids), *overdue)


def _reached(status: OrderStatus) -> ScalarSelect[datetime]:
    """When an order reached this status the last time."""
    entries = TimelineEntry.order_id == Order.id, TimelineEntry.status == status
    return select(func.max(TimelineEntry.at)).where(*entries).scalar_subquery()
