"""The lives of an order, an assignment and a payout, as tables.

python -m marketplace_api.lifecycles > docs/lifecycles.md
"""

from __future__ import annotations

import logging
import sys
from typing import NamedTuple

from transitions import Machine

from marketplace_api.models import Assignment, Order, Payout
from marketplace_api.refused import Refused

logging.getLogger("transitions").setLevel(logging.WARNING)


class Transition(NamedTuple):
    """`trigger` leads from `source` to `dest`; from anywhere else it is refused for `otherwise`."""

    trigger: str
    source: str
    dest: str
    refusal: str


class LifeCycle:
    """One table of steps, and the machine built from it once."""

    def __init__(self, name: str, starts: tuple[str, ...], *transitions: Transition) -> None:
        self.name = name
        self.starts = starts
        self.transitions = transitions
        self._machine = Machine(
            model=None,
            states=list(self.statuses),
            transitions=[list(transition[:3]) for transition in transitions],
            initial=None,
            auto_transitions=False,
            model_attribute="status",
        )

    @property
    def statuses(self) -> tuple[str, ...]:
        """Every status, in the order of the table."""
        reached = (status for transition in self.transitions for status in (transition.source, transition.dest))
        return tuple(dict.fromkeys((*self.starts, *reached)))

    def allows(self, row: Order | Assignment | Payout, trigger: str) -> bool:
        """Whether `trigger` leads somewhere from where `row` is."""
        return row.status in self._machine.events[trigger].transitions

    def check(self, row: Order | Assignment | Payout, trigger: str) -> None:
        """Raise `Refused` if `trigger` leads nowhere from where `row` is."""
        if not self.allows(row, trigger):
            raise Refused(self._refusal(trigger), current=row.status)

    def move(self, row: Order | Assignment | Payout, trigger: str) -> None:
        """Give `row.status` its next value, or raise `Refused` and leave it as it is."""
        self.check(row, trigger)
        self._machine.events[trigger].trigger(row)

    def _refusal(self, trigger: str) -> str:
        return next(transition.refusal for transition in self.transitions if transition.trigger == trigger)


ORDER = LifeCycle(
    "order",
    ("placed",),
    Transition("accept", "placed", "accepted", "order_not_open"),
    Transition("receive", "accepted", "at_kiosk", "order_not_expected"),
    Transition("ship", "at_kiosk", "shipped", "order_not_at_kiosk"),
    Transition("deliver", "shipped", "delivered", "order_not_shipped"),
    Transition("decline", "placed", "declined", "order_not_open"),
    Transition("expire", "placed", "expired", "order_not_open"),
    Transition("cancel", "placed", "cancelled", "order_not_open"),
    Transition("reopen", "accepted", "placed", "order_not_expected"),
    Transition("give_up", "accepted", "declined", "order_not_expected"),
)

ASSIGNMENT = LifeCycle(
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
)

PAYOUT = LifeCycle(
    "payout",
    ("pending", "awaiting_collection"),
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
    Transition("settle_elsewhere", "pending", "paid", "payout_on_its_way"),
    Transition("settle_elsewhere", "failed", "paid", "payout_on_its_way"),
    Transition("settle_elsewhere", "awaiting_collection", "paid", "payout_on_its_way"),
)


def mermaid(cycle: LifeCycle) -> str:
    """The table as a Mermaid state diagram."""
    last = [status for status in cycle.statuses if all(transition.source != status for transition in cycle.transitions)]
    return "\n".join(
        [
            "stateDiagram-v2",
            *(f"    [*] --> {status}" for status in cycle.starts),
            *(
                f"    {transition.source} --> {transition.dest}: {transition.trigger}"
                for transition in cycle.transitions
            ),
            *(f"    {status} --> [*]" for status in last),
        ]
    )


def render_document() -> str:
    """`docs/lifecycles.md`, whole."""
    drawings = (
        f"## {cycle.name.capitalize()}\n\n```mermaid\n{mermaid(cycle)}\n```\n" for cycle in (ORDER, ASSIGNMENT, PAYOUT)
    )
    opening = (
        "# Life cycles\n\n"
        "Drawn from the tables in `marketplace_api/lifecycles.py`; a test keeps them alike.\n"
        "To draw them anew: `python -m marketplace_api.lifecycles > docs/lifecycles.md`.\n"
    )
    return "\n".join([opening, *drawings])


if __name__ == "__main__":
    sys.stdout.write(render_document())
