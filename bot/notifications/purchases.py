"""The wordings of messages to buyers about money that they paid us: it came, it goes back, it was sent back.

No message is sent about money that a storefront holds. Each message has versions, longest first; the longest one that
fits, and whose fields are known, is sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.marketplace.event_details import EventDetails, OrderData, PaymentData, RefundCause, RefundData
from bot.marketplace.wire import PurchaseNotice
from flows import kit
from flows.kit import N_, Words
from marketplace_api.event_types import EventType

# -- money comes

RECEIVED = N_("Soko: {amount} received for order {code}.")
RECEIVED_BY_MPESA = N_(
    "Soko: {amount} received, M-PESA receipt {reference}. Order {code}.",
    "Soko: {amount} received for order {code}.",
)

# -- money goes back, whatever becomes of the order

GOES_BACK = N_("Soko: {amount} of your payment for order {code} goes back to you.")
TOO_LATE = N_("Soko: your {amount} for order {code} came too late. It goes back to you.")
PAID_ALREADY = N_("Soko: order {code} is paid already. The other {amount} goes back to you.")
OTHER_AMOUNT = N_("Soko: order {code} costs {unpaid}, and you paid {amount}. It goes back to you.")
SENT_BACK = N_(
    "Soko: {amount} was sent back to you for order {code}. Receipt {reference}.",
    "Soko: {amount} was sent back to you for order {code}.",
)
SENT_BACK_TO_CARD = N_("Soko: {amount} was sent back to your card for order {code}. It may take days to arrive.")

CAME_BACK = N_(
    "Soko: your card's bank did not take {amount} for order {code}. "
    "We have it, and will give it to you in another way.",
)

# -- money goes back because of what becomes of the order

DECLINED = N_(
    "Soko: sorry, nobody can make your order {code} ({title}). {back} goes back to you.",
    "Soko: sorry, nobody can make your order {code}. {back} goes back to you.",
    "Soko: sorry, nobody can make your order {code}.",
)
EXPIRED = N_(
    "Soko: sorry, nobody took your order {code} ({title}) in time. {back} goes back to you.",
    "Soko: sorry, nobody took your order {code} in time. {back} goes back to you.",
    "Soko: sorry, nobody took your order {code} in time.",
)
CANCELLED = N_(
    "Soko: your order {code} is cancelled. {back} goes back to you.",
    "Soko: your order {code} is cancelled.",
)
ACCEPTED_IN_PART = N_(
    "Soko: {artisan} makes {quantity} of {asked} x {title} for your order {code} by {due}. {back} goes back to you.",
    "Soko: {artisan} makes {quantity} of {asked} x {title} for your order {code}. {back} goes back to you.",
    "Soko: your order {code} is accepted: {quantity} of {asked}. {back} goes back to you.",
)
MADE_BY_MANY_IN_PART = N_("Soko: your order {code} is accepted: {quantity} of {asked}. {back} goes back to you.")
REDUCED = N_(
    "Soko: your order {code} has become smaller: {quantity} of {asked} x {title}. {back} goes back to you.",
    "Soko: your order {code} has become smaller: {quantity} of {asked}. {back} goes back to you.",
)
CAME_IN_PART = N_(
    "Soko: {quantity} of {asked} x {title} came for your order {code}. {back} goes back to you.",
    "Soko: {quantity} of {asked} came for your order {code}. {back} goes back to you.",
)

ENDED: Mapping[EventType, kit.Wording] = {
    "order.declined": DECLINED,
    "order.expired": EXPIRED,
    "order.cancelled": CANCELLED,
    "order.voided": CANCELLED,
}
IN_PART: Mapping[EventType, kit.Wording] = {
    "order.accepted": ACCEPTED_IN_PART,
    "order.reduced": REDUCED,
    "order.at_kiosk": CAME_IN_PART,
}


def about_money(event: EventDetails, data: PaymentData | RefundData, notice: PurchaseNotice) -> kit.Wording | None:
    """The message to the buyer about an event of a payment or a refund; None if there is none."""
    return _about_payment(event, data, notice) if isinstance(data, PaymentData) else _about_refund(event, data, notice)


def _about_payment(event: EventDetails, payment: PaymentData, notice: PurchaseNotice) -> kit.Wording | None:
    """The message to the buyer that money came, or None. A payment that is not kept has a refund, which has its own."""
    has_come_now = event.type == "payment.captured" and payment.captured_at == event.created_at
    if not has_come_now or not payment.is_kept:
        return None
    return RECEIVED_BY_MPESA if notice.method == "mpesa" else RECEIVED


def _about_refund(event: EventDetails, refund: RefundData, notice: PurchaseNotice) -> kit.Wording | None:
    """The message to the buyer that money goes back or was sent back; None if a message about the order says it."""
    if not refund.amount.amount:
        return None  # a part that is smaller than the smallest coin
    if event.type == "refund.done":
        return SENT_BACK_TO_CARD if notice.method == "card" else SENT_BACK
    if event.type == "refund.failed" and refund.returned_at == event.created_at:
        return CAME_BACK
    if event.type != "refund.due":
        return None
    match refund.cause:
        case RefundCause.REDUCED | RefundCause.ENDED:
            return None
        case RefundCause.SECOND | RefundCause.LATE if notice.is_paid:
            return PAID_ALREADY
        case RefundCause.LATE if notice.unpaid and refund.shop_amount.amount != notice.unpaid:
            return OTHER_AMOUNT
        case RefundCause.LATE:
            return TOO_LATE
    return GOES_BACK


def about_order(event: EventDetails, order: OrderData, otherwise: kit.Wording | None) -> kit.Wording | None:
    """The message about an event of an order that its buyer paid; `otherwise` is that of any order."""
    if event.type == "unknown" or event.purchase is None:
        return otherwise
    if event.type in ENDED:
        return ENDED[event.type]
    if not event.purchase.back or event.type not in IN_PART:
        return otherwise
    is_shared = event.type == "order.accepted" and order.brief is not None
    return MADE_BY_MANY_IN_PART if is_shared else IN_PART[event.type]


def payment_fields(data: PaymentData | RefundData, notice: PurchaseNotice, words: Words) -> Mapping[str, object]:
    """The fields of a message about one payment or refund."""
    return {
        "code": notice.order,
        "amount": words.money(data.amount.amount, data.amount.currency),
        "reference": data.reference,
        "unpaid": words.money(notice.unpaid, notice.currency) if notice.unpaid else "",
    }


def back(notice: PurchaseNotice | None, words: Words) -> str:
    """What goes back to the buyer by an event of the order; empty if nothing does."""
    return words.money(notice.back, notice.back_currency) if notice and notice.back else ""
