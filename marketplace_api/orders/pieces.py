"""The pieces of an order and its parts (assignments): how many are taken, and which status follows from them."""

from __future__ import annotations

from marketplace_api.lifecycles import OrderTrigger
from marketplace_api.models import Assignment, Order
from marketplace_api.shares import split
from marketplace_api.statuses import AssignmentStatus

TAKEN: tuple[AssignmentStatus, ...] = ("accepted", "received")
"""Statuses of the parts whose pieces belong to the order."""


def of_status(order: Order, *statuses: AssignmentStatus) -> list[Assignment]:
    """The parts with one of these statuses."""
    return [part for part in order.assignments if part.status in statuses]


def taken(order: Order) -> list[Assignment]:
    """The accepted and received parts; none while the order is still offered."""
    return of_status(order, *TAKEN) if order.status != "placed" else []


def left(order: Order) -> int:
    """How many pieces no artisan has accepted yet."""
    return order.quantity - sum(part.quantity for part in of_status(order, *TAKEN))


def count(order: Order) -> int:
    """The number of pieces ordered or, once the order is accepted, those that artisans accepted."""
    return sum(part.quantity for part in taken(order)) or order.quantity


def resize(part: Assignment, quantity: int) -> None:
    """Set the part's number of pieces and its earnings."""
    part.quantity = quantity
    part.earns = split(part.order.unit_price, quantity, part.order.commission_percent).earns


def next_trigger(order: Order) -> OrderTrigger | None:
    """The next transition of the order that follows from its parts; None if there is none."""
    if order.status == "placed" and not (left(order) and of_status(order, "offered")):
        return "accept" if of_status(order, *TAKEN) else "decline"
    if order.status == "accepted" and not of_status(order, "accepted"):
        return "receive" if of_status(order, "received") else "give_up"
    return None
