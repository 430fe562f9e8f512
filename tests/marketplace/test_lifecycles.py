"""Life cycles: each trigger leads where the table says, and nowhere else."""

from pathlib import Path
from typing import get_args

import pytest

from marketplace_api import lifecycles
from marketplace_api.lifecycles import ASSIGNMENT, ORDER, PAYOUT, LifeCycle
from marketplace_api.models import Assignment, Order, Payout
from marketplace_api.refused import Refused
from marketplace_api.statuses import AssignmentStatus, OrderStatus, PayoutStatus

DOCUMENT = Path(__file__).parents[2] / "docs" / "lifecycles.md"
ROWS = {"order": Order, "assignment": Assignment, "payout": Payout}
ALL = [ORDER, ASSIGNMENT, PAYOUT]
EVERY_MOVE = [
    pytest.param(cycle, trigger, status, id=f"{cycle.name}-{trigger}-{status}")
    for cycle in ALL
    for trigger in sorted({transition.trigger for transition in cycle.transitions})
    for status in cycle.statuses
]


@pytest.mark.parametrize(("cycle", "trigger", "status"), EVERY_MOVE)
def test_each_trigger_leads_where_the_table_says_or_is_refused(cycle: LifeCycle, trigger: str, status: str) -> None:
    row = ROWS[cycle.name](status=status)
    leads = {transition.source: transition.dest for transition in cycle.transitions if transition.trigger == trigger}
    if status in leads:
        cycle.move(row, trigger)
        assert row.status == leads[status]
    else:
        with pytest.raises(Refused) as refused:
            cycle.move(row, trigger)
        assert refused.value.values["current"] == row.status == status


@pytest.mark.parametrize("cycle", ALL, ids=lambda cycle: cycle.name)
def test_every_status_can_be_reached(cycle: LifeCycle) -> None:
    reached = set(cycle.starts)
    while more := {transition.dest for transition in cycle.transitions if transition.source in reached} - reached:
        reached |= more
    assert reached == set(cycle.statuses)


@pytest.mark.parametrize(
    ("cycle", "words"),
    [(ORDER, OrderStatus), (ASSIGNMENT, AssignmentStatus), (PAYOUT, PayoutStatus)],
    ids=["order", "assignment", "payout"],
)
def test_the_api_names_exactly_these_statuses(cycle: LifeCycle, words: object) -> None:
    assert set(cycle.statuses) == set(get_args(words))


def test_what_was_paid_can_only_come_back_and_what_came_back_is_final() -> None:
    settled = [transition.trigger for transition in PAYOUT.transitions if transition.source in ("paid", "collected")]
    assert settled == ["give_back", "give_back"]
    assert not [transition for transition in PAYOUT.transitions if transition.source in ("returned", "cancelled")]


def test_an_unknown_payout_is_sent_again_only_after_the_provider_never_received_it() -> None:
    leads = {transition.trigger: transition.dest for transition in PAYOUT.transitions if transition.source == "unknown"}
    assert leads == {
        "settle_paid": "paid",
        "settle_failed": "failed",
        "release": "pending",
        "offer_cash": "awaiting_collection",
    }


def test_the_document_with_the_drawings_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == lifecycles.render_document()
