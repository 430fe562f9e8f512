"""What messages to buyers about their money need besides the events: whom they go to, and what goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from bot.marketplace.wire import PurchaseNotice
from marketplace_api.event_types import EventType
from marketplace_api.models import BuyerPayment, Event
from marketplace_api.shop import Shop
from marketplace_api.statuses import OrderPaymentStatus, RefundReason

NOT_PAID_BY_BUYER: tuple[OrderPaymentStatus | None, ...] = ("unpaid", "vouched", None)
"""Payment statuses of orders whose events tell a buyer nothing about money; older events have none."""
BY_ITSELF: tuple[RefundReason, ...] = ("reduced", "ended")
"""Reasons of refunds that an event of the order causes."""
TOLD_WITH_MONEY: tuple[EventType, ...] = (
    *("order.accepted", "order.reduced", "order.at_kiosk"),
    *("order.declined", "order.expired", "order.cancelled", "order.voided"),
)
"""Events that tell a buyer what goes back. One transaction records first that money goes back, then why."""
MOST_MEANWHILE = 1000
"""More events than one transaction records before such an event, with those that all others record meanwhile."""


def of_events(shop: Shop, events: Sequence[Event]) -> Mapping[str, PurchaseNotice]:
    """Notices by event id; the number of queries does not grow with the number of events."""
    about_orders = [event for event in events if _is_of_paid_order(event)]
    about_money = [event for event in events if event.type.partition(".")[0] in ("payment", "refund")]
    before = _events_before(shop, about_orders)
    return {
        **{event.id: _about_order(event, _caused_by(event, before)) for event in about_orders},
        **_about_money(shop, about_money),
    }


def _is_of_paid_order(event: Event) -> bool:
    return event.type in TOLD_WITH_MONEY and event.data.get("payment_status") not in NOT_PAID_BY_BUYER


def _events_before(shop: Shop, events: Sequence[Event]) -> Sequence[Event]:
    """What the transactions of these events recorded about money and orders shortly before them, newest first."""
    if not events:
        return []
    numbers, times = [event.seq for event in events], {event.created_at for event in events}
    found = select(Event).where(
        Event.seq.between(min(numbers) - MOST_MEANWHILE, max(numbers) - 1),
        Event.created_at.in_(times),
        Event.type.in_(("refund.due", *TOLD_WITH_MONEY)),
    )
    return shop.session.scalars(found.order_by(Event.seq.desc())).all()


def _caused_by(event: Event, newest_first: Sequence[Event]) -> Sequence[Event]:
    """The events that money goes back because of what `event` says: those of its transaction before it.

    In between are those of other transactions, which happened at another time.
    """
    order_id, caused = event.data["id"], []
    for earlier in newest_first:
        if earlier.seq >= event.seq or earlier.created_at != event.created_at:
            continue
        if _tells_of(earlier, order_id):
            break
        if earlier.type == "refund.due" and earlier.data["order_id"] == order_id:
            caused.append(earlier)
    return [each for each in caused if each.data["reason"] in BY_ITSELF]


def _tells_of(event: Event, order_id: str) -> bool:
    return event.type in TOLD_WITH_MONEY and event.data["id"] == order_id


def _about_order(event: Event, refunds: Sequence[Event]) -> PurchaseNotice:
    buyer, total = event.data["buyer"], event.data["total"]
    return PurchaseNotice(
        event.data["code"],
        buyer["phone"],
        buyer["locale"],
        total["currency"],
        is_paid=True,
        back=sum(refund.data["amount"]["amount"] for refund in refunds),
        back_currency=refunds[0].data["amount"]["currency"] if refunds else "",
    )


def _about_money(shop: Shop, events: Sequence[Event]) -> Mapping[str, PurchaseNotice]:
    """Notices of payments and refunds, as their orders are now."""
    if not events:
        return {}
    with_orders = select(BuyerPayment).where(BuyerPayment.id.in_({_payment_id(event) for event in events}))
    notices = {payment.id: _about_payment(payment) for payment in shop.session.scalars(with_orders)}
    return {event.id: notices[_payment_id(event)] for event in events}


def _payment_id(event: Event) -> str:
    return str(event.data["payment_id" if event.type.startswith("refund.") else "id"])


def _about_payment(payment: BuyerPayment) -> PurchaseNotice:
    order = payment.order
    return PurchaseNotice(
        order.code,
        order.buyer_msisdn,
        order.buyer_locale,
        order.currency,
        payment.method,
        unpaid=order.total if order.status == "unpaid" else 0,
        is_paid=order.payment_status != "unpaid",
    )
