"""The life cycles of an order, an assignment, a payout, a buyer's payment and a refund, as tables of transitions.

python -m marketplace_api.lifecycles > docs/lifecycles.md
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Mapping
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from transitions import Machine

from marketplace_api.event_types import EventType
from marketplace_api.models import Assignment, BuyerPayment, Order, Payout, Refund
from marketplace_api.refused import RefusalReason, Refused
from marketplace_api.statuses import (
    AssignmentStatus,
    BuyerPaymentStatus,
    OrderStatus,
    PayoutStatus,
    RefundStatus,
)

logging.getLogger("transitions").setLevel(logging.WARNING)

OrderTrigger = Literal[
    "fund", "accept", "receive", "ship", "deliver", "decline", "expire", "cancel", "reopen", "give_up", "expect", "void"
]
AssignmentTrigger = Literal[
    "accept", "receive", "decline", "expire", "cancel", "pass_over", "offer_again", "release", "refuse", "reverse"
]
PayoutTrigger = Literal[
    "send",
    "settle_paid",
    "settle_failed",
    "mark_unknown",
    "release",
    "offer_cash",
    "retry",
    "recheck",
    "collect",
    "settle_elsewhere",
    "give_back",
    "cancel",
    "offer_unsent",
    "hold",
    "end_hold",
    "end_hold_in_cash",
]

BuyerPaymentTrigger = Literal["ask", "settle", "fail", "doubt", "put_back", "lapse", "late", "dispute", "win", "lose"]
RefundTrigger = Literal["send", "doubt", "settle", "fail", "put_back", "retry", "settle_elsewhere", "come_back"]

Status = TypeVar("Status", bound=str)
Trigger = TypeVar("Trigger", bound=str)
Row = Order | Assignment | Payout | BuyerPayment | Refund


class Transition(NamedTuple, Generic[Status, Trigger]):
    """`trigger` leads from `source` to `dest`; from any other status it is refused with `refusal`."""

    trigger: Trigger
    source: Status
    dest: Status
    refusal: RefusalReason


class LifeCycle(Generic[Status, Trigger]):
    """A table of transitions, and the state machine that is built from it once."""

    def __init__(self, name: str, starts: tuple[Status, ...], *transitions: Transition[Status, Trigger]) -> None:
        self.name = name
        self.starts = starts
        self.transitions = transitions
        table: list[Collection[str]] = [[step.trigger, step.source, step.dest] for step in transitions]
        self._machine = Machine(
            model=None,
            states=list(self.statuses),
            transitions=table,
            initial=None,
            auto_transitions=False,
            model_attribute="status",
        )

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Every status, in the order of the table."""
        reached = (status for transition in self.transitions for status in (transition.source, transition.dest))
        return tuple(dict.fromkeys((*self.starts, *reached)))

    @property
    def final(self) -> tuple[Status, ...]:
        """The statuses from which no transition leads on, in the order of the table."""
        left = {transition.source for transition in self.transitions}
        return tuple(status for status in self.statuses if status not in left)

    def allows(self, row: Row, trigger: Trigger) -> bool:
        """True if there is a transition for `trigger` from the row's status."""
        return row.status in self._machine.events[trigger].transitions

    def check(self, row: Row, trigger: Trigger) -> None:
        """Raise `Refused` if there is no transition for `trigger` from the row's status."""
        if not self.allows(row, trigger):
            raise Refused(self._refusal(trigger), current=row.status)

    def move(self, row: Row, trigger: Trigger) -> None:
        """Set the row's next status, or raise `Refused` and leave the row unchanged."""
        self.check(row, trigger)
        self._machine.events[trigger].trigger(row)

    def _refusal(self, trigger: Trigger) -> RefusalReason:
        return next(transition.refusal for transition in self.transitions if transition.trigger == trigger)


ORDER: LifeCycle[OrderStatus, OrderTrigger] = LifeCycle(
    "order",
    ("unpaid", "placed"),
    Transition("fund", "unpaid", "placed", "order_not_unpaid"),
    Transition("cancel", "unpaid", "cancelled", "order_not_open"),
    Transition("expire", "unpaid", "expired", "order_not_open"),
    Transition("accept", "placed", "accepted", "order_not_open"),
    Transition("receive", "accepted", "at_kiosk", "order_not_expected"),
    Transition("ship", "at_kiosk", "shipped", "order_not_at_kiosk"),
    Transition("deliver", "shipped", "delivered", "order_not_shipped"),
    Transition("decline", "placed", "declined", "order_not_open"),
    Transition("expire", "placed", "expired", "order_not_open"),
    Transition("cancel", "placed", "cancelled", "order_not_open"),
    Transition("reopen", "accepted", "placed", "order_not_expected"),
    Transition("give_up", "accepted", "declined", "order_not_expected"),
    Transition("void", "accepted", "cancelled", "order_not_voidable"),
    Transition("void", "at_kiosk", "cancelled", "order_not_voidable"),
    Transition("void", "shipped", "cancelled", "order_not_voidable"),
    Transition("expect", "at_kiosk", "accepted", "receipt_final"),
)

ORDER_EVENTS: Mapping[OrderStatus, EventType] = {
    "placed": "order.placed",
    "accepted": "order.accepted",
    "at_kiosk": "order.at_kiosk",
    "shipped": "order.shipped",
    "delivered": "order.delivered",
    "declined": "order.declined",
    "expired": "order.expired",
    "cancelled": "order.cancelled",
}
"""The event of each status."""

ASSIGNMENT: LifeCycle[AssignmentStatus, AssignmentTrigger] = LifeCycle(
    "assignment",
    ("offered",),
    Transition("accept", "offered", "accepted", "order_not_open"),
    Transition("receive", "accepted", "received", "order_not_expected"),
    Transition("decline", "offered", "declined", "order_not_open"),
    Transition("expire", "offered", "expired", "order_not_open"),
    Transition("cancel", "offered", "cancelled", "order_not_open"),
    Transition("pass_over", "offered", "passed", "order_not_open"),
    Transition("offer_again", "passed", "offered", "order_not_open"),
    Transition("release", "accepted", "released", "order_not_expected"),
    Transition("refuse", "accepted", "refused", "order_not_expected"),
    Transition("reverse", "received", "reversed", "receipt_final"),
)

PAYOUT: LifeCycle[PayoutStatus, PayoutTrigger] = LifeCycle(
    "payout",
    ("held", "pending", "awaiting_collection", "failed"),
    Transition("hold", "pending", "held", "payout_on_its_way"),
    Transition("end_hold", "held", "pending", "payout_not_held"),
    Transition("end_hold_in_cash", "held", "awaiting_collection", "payout_not_held"),
    Transition("send", "pending", "sending", "payout_not_sendable"),
    Transition("settle_paid", "sending", "paid", "payout_not_open"),
    Transition("settle_failed", "sending", "failed", "payout_not_open"),
    Transition("mark_unknown", "sending", "unknown", "payout_not_open"),
    Transition("release", "sending", "pending", "payout_not_open"),
    Transition("settle_paid", "unknown", "paid", "payout_not_open"),
    Transition("settle_failed", "unknown", "failed", "payout_not_open"),
    Transition("release", "unknown", "pending", "payout_not_open"),
    Transition("offer_cash", "unknown", "awaiting_collection", "payout_not_open"),
    Transition("retry", "failed", "pending", "payout_not_failed"),
    Transition("recheck", "failed", "unknown", "payout_not_failed"),
    Transition("recheck", "pending", "unknown", "payout_not_failed"),
    Transition("recheck", "awaiting_collection", "unknown", "payout_not_failed"),
    Transition("collect", "awaiting_collection", "collected", "payout_not_awaiting_collection"),
    Transition("settle_elsewhere", "held", "paid", "payout_on_its_way"),
    Transition("settle_elsewhere", "pending", "paid", "payout_on_its_way"),
    Transition("settle_elsewhere", "failed", "paid", "payout_on_its_way"),
    Transition("settle_elsewhere", "awaiting_collection", "paid", "payout_on_its_way"),
    Transition("give_back", "paid", "returned", "payout_not_settled"),
    Transition("give_back", "collected", "returned", "payout_not_settled"),
    Transition("cancel", "held", "cancelled", "payout_on_its_way"),
    Transition("cancel", "pending", "cancelled", "payout_on_its_way"),
    Transition("cancel", "failed", "cancelled", "payout_on_its_way"),
    Transition("cancel", "awaiting_collection", "cancelled", "payout_on_its_way"),
    Transition("offer_unsent", "failed", "awaiting_collection", "payout_not_failed"),
)


BUYER_PAYMENT: LifeCycle[BuyerPaymentStatus, BuyerPaymentTrigger] = LifeCycle(
    "buyer's payment",
    ("created", "captured"),
    Transition("ask", "created", "asked", "payment_not_open"),
    Transition("settle", "asked", "captured", "payment_not_open"),
    Transition("settle", "unknown", "captured", "payment_not_open"),
    Transition("fail", "created", "failed", "payment_not_open"),
    Transition("fail", "asked", "failed", "payment_not_open"),
    Transition("fail", "unknown", "failed", "payment_not_open"),
    Transition("doubt", "asked", "unknown", "payment_not_open"),
    Transition("put_back", "asked", "created", "payment_not_open"),
    Transition("put_back", "unknown", "created", "payment_not_open"),
    Transition("lapse", "created", "lapsed", "payment_not_open"),
    Transition("lapse", "asked", "lapsed", "payment_not_open"),
    Transition("lapse", "unknown", "lapsed", "payment_not_open"),
    Transition("late", "failed", "captured", "payment_not_open"),
    Transition("late", "lapsed", "captured", "payment_not_open"),
    Transition("dispute", "captured", "disputed", "payment_not_captured"),
    Transition("win", "disputed", "captured", "payment_not_captured"),
    Transition("lose", "disputed", "charged_back", "payment_not_captured"),
)

REFUND: LifeCycle[RefundStatus, RefundTrigger] = LifeCycle(
    "refund",
    ("due",),
    Transition("send", "due", "sending", "refund_not_due"),
    Transition("doubt", "sending", "unknown", "refund_not_open"),
    Transition("settle", "sending", "done", "refund_not_open"),
    Transition("settle", "unknown", "done", "refund_not_open"),
    Transition("fail", "sending", "failed", "refund_not_open"),
    Transition("fail", "unknown", "failed", "refund_not_open"),
    Transition("put_back", "sending", "due", "refund_not_open"),
    Transition("put_back", "unknown", "due", "refund_not_open"),
    Transition("retry", "failed", "due", "refund_not_failed"),
    Transition("settle_elsewhere", "due", "done", "refund_on_its_way"),
    Transition("settle_elsewhere", "failed", "done", "refund_on_its_way"),
    Transition("come_back", "done", "failed", "refund_not_done"),
)


def mermaid(cycle: LifeCycle[Any, Any]) -> str:
    """The life cycle as a Mermaid state diagram."""
    final = [
        status for status in cycle.statuses if all(transition.source != status for transition in cycle.transitions)
    ]
    return "\n".join(
        [
            "stateDiagram-v2",
            *(f"    [*] --> {status}" for status in cycle.starts),
            *(
                f"    {transition.source} --> {transition.dest}: {transition.trigger}"
                for transition in cycle.transitions
            ),
            *(f"    {status} --> [*]" for status in final),
        ]
    )


def render_document() -> str:
    """The text of `docs/lifecycles.md`."""
    cycles: tuple[LifeCycle[Any, Any], ...] = (ORDER, ASSIGNMENT, PAYOUT, BUYER_PAYMENT, REFUND)
    drawings = (f"## {cycle.name.capitalize()}\n\n```mermaid\n{mermaid(cycle)}\n```\n" for cycle in cycles)
    opening = (
        "# Life cycles\n\n"
        "Drawn from the tables in `marketplace_api/lifecycles.py`; a test compares them.\n"
        "To draw them again: `python -m marketplace_api.lifecycles > docs/lifecycles.md`.\n"
    )
    return "\n".join([opening, *drawings])


if __name__ == "__main__":
    sys.stdout.write(render_document())
