"""The ten steps of the story, from joining to the payout, and how far one order is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from marketplace_api.models import Artisan, Order, Payout, Product
from marketplace_api.payments.purse import ENDED_UNFULFILLED

Step = Literal[
    "joined",
    "ware in shop",
    "ordered",
    "paid",
    "offered",
    "accepted",
    "dropped at kiosk",
    "shipped",
    "delivered",
    "payout",
]
STEPS: tuple[Step, ...] = (
    *("joined", "ware in shop", "ordered", "paid", "offered"),
    *("accepted", "dropped at kiosk", "shipped", "delivered", "payout"),
)
PAID_OUT = ("paid", "collected")
UNPAID_OUT = ("failed", "returned")


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one story. An order by brief has no product of its own."""

    artisan: Artisan | None = None
    product: Product | None = None
    order: Order | None = None
    payouts: Sequence[Payout] = ()


def steps(told: Told) -> list[dict[str, Any]]:
    """Each step with its `state`: `done`, with a time; `next`, the first that is not done; `open`; or `failed`.

    `note` says what is special about it.
    """
    done, notes = dict(_done(told)), dict(_notes(told))
    failed = _failed(told, done)
    following = next((step for step in STEPS if step not in done and step != failed), None)
    shown = []
    for step in STEPS:
        state = "done" if step in done else "failed" if step == failed else "next" if step == following else "open"
        if failed and state == "next":
            state = "open"
        at = done.get(step)
        written = at and at.isoformat().replace("+00:00", "Z")
        shown.append({"step": step, "state": state, "at": written, "note": notes.get(step, "")})
    return shown


def _done(told: Told) -> Iterator[tuple[Step, datetime | None]]:
    if told.artisan:
        yield "joined", told.artisan.created_at
    if told.product:
        yield "ware in shop", told.product.created_at
    order = told.order
    if order is None:
        return
    if order.brief:
        yield "ware in shop", None
    yield "ordered", order.created_at
    if order.payment_status != "unpaid":
        captured = [payment.captured_at for payment in order.payments if payment.is_kept]
        yield "paid", captured[0] if captured else order.created_at
    reached = {entry.status: entry.at for entry in order.timeline}
    parts = order.assignments
    if parts:
        yield "offered", reached.get("placed")
    if any(part.status in ("accepted", "received") for part in parts):
        yield "accepted", reached.get("accepted")
    received = [part.received_at for part in parts if part.status == "received" and part.received_at]
    if received:
        yield "dropped at kiosk", max(received)
    for status in ("shipped", "delivered"):
        if status in reached:
            yield status, reached[status]
    if told.payouts and all(payout.status in PAID_OUT for payout in told.payouts):
        yield "payout", max(payout.paid_at or payout.created_at for payout in told.payouts)


def _notes(told: Told) -> Iterator[tuple[Step, str]]:
    order = told.order
    if order is None:
        return
    if order.brief:
        yield "ware in shop", "ordered by brief"
    if order.payment_status == "vouched":
        yield "paid", "its storefront vouches"
    elif "refunded" in order.payment_status:
        yield "paid", order.payment_status.replace("_", " ")
    if told.payouts and any(payout.status not in PAID_OUT for payout in told.payouts):
        yield "payout", ", ".join(sorted({payout.status.replace("_", " ") for payout in told.payouts}))


def _failed(told: Told, done: Mapping[Step, datetime | None]) -> Step | None:
    """The step at which the story has ended badly."""
    if told.order and told.order.status in ENDED_UNFULFILLED:
        return next((step for step in STEPS[2:9] if step not in done), None)
    return "payout" if any(payout.status in UNPAID_OUT for payout in told.payouts) else None
