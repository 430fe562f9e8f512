"""How far the orders of the bulk data have come."""

from __future__ import annotations

from typing import NamedTuple


class OrderHistory(NamedTuple):
    """The statuses that an order went through, one each day, and the status of its assignment at the end.

    `hours` is the range of its age, `weight` its share of all orders.
    """

    statuses: tuple[str, ...]
    assignment: str
    hours: tuple[int, int]
    weight: int


ORDER_HISTORIES = (
    OrderHistory(("placed",), "offered", (1, 40), 1),
    OrderHistory(("placed", "accepted"), "accepted", (24, 240), 1),
    OrderHistory(("placed", "declined"), "declined", (24, 9000), 1),
    OrderHistory(("placed", "accepted", "at_kiosk", "shipped", "delivered"), "received", (96, 9000), 7),
)
