"""The wordings of notifications to artisans and buyers: who gets which wording, and the fields that it may name.

Each message has versions, longest first; the longest one that fits is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from bot.marketplace.event_details import (
    EventDetails,
    MoneyData,
    OrderData,
    OrderProgress,
    PartData,
    PartStatus,
    PaymentProgress,
    PayoutData,
    PayoutFault,
    PayoutProgress,
    TurnBackReason,
)
from bot.marketplace.wire import PayoutNotice
from bot.messaging.still_true import TrueWhile
from bot.notifications import holds, purchases
from flows import kit
from flows.kit import N_, Words
from marketplace_api.event_types import EventType

# -- to artisans, about orders

OFFER = N_(
    "Soko: new order {code}: {quantity} x {title}. You earn {earns}. Can you make it? Reply YES {code}. "
    "If not, reply NO {code}.",
    "Soko: new order {code}: {quantity} x {title}. You earn {earns}. Reply YES {code} or NO {code}.",
    "Soko: new order {code}: quantity {quantity}. You earn {earns}. Reply YES {code} or NO {code}.",
)
BRIEF = N_(
    "Soko: big order {code}: {quantity} x {title} by {due}. You earn {earns_each} each. "
    "To make 5, reply YES {code} 5. If not, NO {code}.",
    "Soko: big order {code}: {quantity} x {title} by {due}. {earns_each} each. Reply YES {code} and how many.",
    "Soko: big order {code}: quantity {quantity} by {due}. {earns_each} each. Reply YES {code} and how many.",
)
ANSWER_ME = N_(
    "Soko: order {code} waits for your answer: {quantity} x {title}. You earn {earns}. Reply YES {code} or NO {code}.",
    "Soko: order {code} waits for your answer. You earn {earns}. Reply YES {code} or NO {code}.",
)
BRING_IT = N_(
    "Soko: order {code}: please bring {quantity} x {title} to {kiosk} by {due}. Made already? Reply READY {code}.",
    "Soko: order {code}: please bring {quantity} by {due}. Made already? Reply READY {code}.",
)
TURNED_BACK: Mapping[TurnBackReason, str] = {
    TurnBackReason.DAMAGED: N_(
        "Soko: order {code}: the kiosk did not take {refused} x {title}: damaged. Ask at {kiosk}."
    ),
    TurnBackReason.DIFFERENT: N_(
        "Soko: order {code}: the kiosk did not take {refused} x {title}: not as ordered. Ask at {kiosk}."
    ),
    TurnBackReason.BADLY_MADE: N_(
        "Soko: order {code}: the kiosk did not take {refused} x {title}: not made well. Ask at {kiosk}."
    ),
    TurnBackReason.OTHER: N_("Soko: order {code}: the kiosk did not take {refused} x {title}. Ask why at {kiosk}."),
}
TURNED_BACK_SHORT = N_("Soko: order {code}: your kiosk did not take {refused}. Ask there why.")
GOODS_RECEIVED = N_(
    "Soko: order {code}: the kiosk received {quantity} x {title}. You are owed {earns}. Not right? Reply CALL.",
    "Soko: order {code}: the kiosk received {quantity}. You are owed {earns}. Not right? Reply CALL.",
)
GIVEN_UP = N_(
    "Soko: order {code} was not brought in time, so we gave it up. Made it already? Reply CALL.",
)
VOIDED = N_("Soko: order {code} is cancelled. You need not bring it. Questions? Reply CALL.")
RECEIPT_REVERSED = N_(
    "Soko: order {code}: the kiosk counted {quantity} x {title} by mistake. Please bring the goods to {kiosk}. "
    "Not right? Reply CALL.",
    "Soko: order {code}: the kiosk counted {quantity} by mistake. Please bring the goods. Not right? Reply CALL.",
)
WITHDRAWN = N_("Soko: the buyer cancelled order {code}. You need not make it.")
JOINED = N_(
    "Soko keeps your name, phone, goods and payments, to sell for you and pay you. It sells them to nobody. "
    "More: {link}",
    "Soko keeps your name, phone and payments, to sell for you and pay you. More: {link}",
    "Your data at Soko: {link}",
)
# -- to buyers

ORDERED = N_(
    "Soko: thank you! Your order {code}: {quantity} x {title}, {total}. We text you when it is accepted. "
    "To cancel, reply DROP {code}.",
    "Soko: thank you! Your order {code}: {quantity} x {title}, {total}. To cancel, reply DROP {code}.",
    "Soko: thank you! Your order {code}: {quantity} x {title}, {total}.",
    "Soko: thank you! Your order is {code}.",
)
ACCEPTED = N_(
    "Soko: {artisan} makes your order {code}: {quantity} x {title}, {total}.",
    "Soko: your order {code} is accepted: {quantity} x {title}, {total}.",
    "Soko: your order {code} is accepted.",
)
ACCEPTED_IN_PART = N_(
    "Soko: {artisan} makes {quantity} of {asked} x {title} for your order {code}. The total is now {total}.",
    "Soko: your order {code} is accepted: {quantity} of {asked}. The total is now {total}.",
)
MADE_BY_MANY = N_(
    "Soko: your order {code} is accepted: {quantity} of {asked} x {title}, {total}. Artisans at work: {makers}.",
    "Soko: your order {code} is accepted: {quantity} of {asked}, {total}.",
    "Soko: your order {code} is accepted.",
)
PROMISED = N_(
    "Soko: {artisan} makes your order {code}: {quantity} x {title}, {total}. Ready by {due}.",
    "Soko: your order {code} is accepted: {quantity} x {title}, {total}. Ready by {due}.",
    "Soko: your order {code} is accepted. Ready by {due}.",
)
PROMISED_IN_PART = N_(
    "Soko: {artisan} makes {quantity} of {asked} x {title} for your order {code} by {due}. The total is now {total}.",
    "Soko: your order {code} is accepted: {quantity} of {asked} by {due}. The total is now {total}.",
)
REDUCED = N_(
    "Soko: your order {code} has become smaller: {quantity} of {asked} x {title}. The total is now {total}.",
    "Soko: your order {code} has become smaller: {quantity} of {asked}. The total is now {total}.",
)
REOPENED = N_(
    "Soko: for a part of your order {code} ({title}) we look for another artisan. We text you again.",
    "Soko: for a part of your order {code} we look for another artisan.",
)
DECLINED = N_(
    "Soko: sorry, nobody can make your order {code} ({title}). If you paid for it, ask where you ordered.",
    "Soko: sorry, nobody can make your order {code}. If you paid for it, ask where you ordered.",
)
AT_KIOSK = N_(
    "Soko: your order {code} is made and at the kiosk: {quantity} x {title}, {total}.",
    "Soko: your order {code} is made and at the kiosk: {total}.",
)
AT_KIOSK_IN_PART = N_(
    "Soko: your order {code} is at the kiosk: {quantity} of {asked} x {title}. The total is now {total}.",
    "Soko: your order {code} is at the kiosk: {quantity} of {asked}. The total is now {total}.",
)
SHIPPED = N_(
    "Soko: your order {code} is on its way with {carrier}, number {tracking}. When it comes, reply RECEIVED {code}.",
    "Soko: your order {code} is on its way with {carrier}. Tracking number {tracking}.",
    "Soko: your order {code} is shipped. Tracking number {tracking}.",
)
DELIVERED = N_("Soko: your order {code} was delivered. Thank you for buying handmade.")
DID_IT_COME = N_(
    "Soko: did your order {code} come? If yes, reply RECEIVED {code}. If not, reply CALL.",
)
CLOSED = N_("Soko: you did not say whether your order {code} came, so we close it. It did not come? Reply CALL.")
NOT_AT_KIOSK = N_("Soko: your order {code} is not complete at the kiosk yet. We text you when it is.")
EXPIRED = N_(
    "Soko: sorry, nobody took your order {code} ({title}) in time. If you paid for it, ask where you ordered.",
    "Soko: sorry, nobody took your order {code} in time. If you paid for it, ask where you ordered.",
)
CANCELLED = N_("Soko: your order {code} is cancelled. If you paid for it, ask where you ordered.")
# -- to artisans, about money

PAID = N_(
    "Soko sent you {amount} for order {order}. Receipt {reference}. Still owed to you: {owed}.",
    "Soko sent you {amount} for order {order}. Receipt {reference}.",
)
PAID_BESIDES = N_(
    "Soko sent you {amount}, payment {order}. Receipt {reference}. Still owed to you: {owed}.",
    "Soko sent you {amount}, payment {order}. Receipt {reference}.",
)
"""For a payout that is not for one order; {order} is then the payout's own code."""
COLLECT = N_(
    "Soko: {amount} for order {order} waits for you at {kiosk}. Show your code: {cash_code}.",
    "Soko: {amount} waits at your kiosk. Your code: {cash_code}.",
)
ASK_FOR_CODE = N_(
    "Soko: {amount} for order {order} waits for you at {kiosk}. To get your code, text MONEY.",
    "Soko: {amount} waits at your kiosk. To get your code, text MONEY.",
)
COLLECTED = N_(
    "Soko: you were paid {amount} in cash at {kiosk} for order {order}. Still owed to you: {owed}.",
    "Soko: you were paid {amount} in cash at {kiosk} for order {order}.",
    "Soko: you were paid {amount} in cash for order {order}.",
)
ANOTHER_NUMBER = N_(
    "Soko: your {amount} for order {order} could not be sent to {phone}. Dial {ussd_code}, Settings, and say how else.",
    "Soko: {amount} could not be sent to {phone}. Dial {ussd_code}, Settings, and say how else.",
    "Soko: {amount} for order {order} could not be sent to {phone}. Reply MENU, choose Settings, and say how else.",
    "Soko: {amount} could not be sent to {phone}. Reply MENU, choose Settings, and say how else.",
)
NOT_SENT_YET = N_(
    "Soko: {amount} for order {order} could not be sent to you yet. It stays owed to you. Questions? Reply CALL.",
    "Soko: {amount} for order {order} could not be sent yet. It stays owed to you.",
)
RETURNED = N_(
    "Soko: {amount} for order {order} was not paid to you after all. It stays owed to you. Questions? Reply CALL.",
    "Soko: {amount} for order {order} was not paid after all. It stays owed to you.",
)
RETURNED_BESIDES = N_(
    "Soko: payment {order} of {amount} does not count: it was a mistake, or it came back. Questions? Reply CALL.",
    "Soko: payment {order} of {amount} does not count.",
)

# -- which message

TO_BUYER: Mapping[EventType, kit.Wording] = {
    "order.placed": ORDERED,
    "order.accepted": ACCEPTED,
    "order.declined": DECLINED,
    "order.reopened": REOPENED,
    "order.reduced": REDUCED,
    "order.at_kiosk": AT_KIOSK,
    "order.receipt_reversed": NOT_AT_KIOSK,
    "order.voided": CANCELLED,
    "order.delivery_asked": DID_IT_COME,
    "order.assumed_delivered": CLOSED,
    "order.shipped": SHIPPED,
    "order.delivered": DELIVERED,
    "order.expired": EXPIRED,
    "order.cancelled": CANCELLED,
}

TO_PAYEE: Mapping[EventType, kit.Wording] = {
    "payout.created": COLLECT,
    "payout.rerouted": COLLECT,
    "payout.released": COLLECT,
    "payout.paid": PAID,
    "payout.collected": COLLECTED,
}


def to_buyer(event: EventDetails, order: OrderData) -> kit.Wording | None:
    """The message about an event of an order to its buyer; None if there is none, or if the buyer caused the event.

    There is none about an order that was never paid: anybody can place one for any phone.
    """
    if event.type == "unknown" or event.is_by(order.buyer.phone) or order.payment_status is PaymentProgress.UNPAID:
        return None
    return purchases.about_order(event, order, _to_any_buyer(event, order))


def _to_any_buyer(event: EventDetails, order: OrderData) -> kit.Wording | None:
    is_in_part = order.pieces_taken < order.quantity
    match event.type:
        case "unknown":
            return None
        case "order.at_kiosk" if is_in_part:
            return AT_KIOSK_IN_PART
        case "order.accepted" if order.brief:
            return MADE_BY_MANY
        case "order.accepted" if any(part.promised_on for part in order.taken):
            return PROMISED_IN_PART if is_in_part else PROMISED
        case "order.accepted" if is_in_part:
            return ACCEPTED_IN_PART
    return TO_BUYER.get(event.type)


def to_artisan(event: EventDetails, order: OrderData, part: PartData) -> kit.Wording | None:
    """The message about an event of an order to the artisan of one of its parts; None if there is none."""
    offer = BRIEF if order.brief else OFFER
    match event.type, part.status:
        case "order.placed" | "order.reopened", PartStatus.OFFERED:
            return offer
        case "order.cancelled", PartStatus.CANCELLED:
            return WITHDRAWN
        case "order.reminded", status if part.reminded_at == event.created_at:
            # the event has every part of the order; its time shows the parts that it reminds of
            return BRING_IT if status is PartStatus.ACCEPTED else offer if order.brief else ANSWER_ME
        case "order.part_received" | "order.at_kiosk", PartStatus.RECEIVED if part.received_at == event.created_at:
            # of the parts in the event, this is the one that was received with it
            return GOODS_RECEIVED
        case "order.voided", PartStatus.RELEASED if part.reminded_at == event.created_at:
            return VOIDED
        case _, PartStatus.RELEASED if part.reminded_at == event.created_at:
            return GIVEN_UP
        case "order.receipt_reversed", PartStatus.REVERSED if part.reminded_at == event.created_at:
            return RECEIPT_REVERSED
        case "order.goods_refused", _ if part.refused:
            return (TURNED_BACK[part.reason], TURNED_BACK_SHORT)
    return None


def to_payee(event: EventDetails, payout: PayoutData, notice: PayoutNotice) -> kit.Wording | None:
    """The message about an event of a payout to its artisan; None if there is none.

    A new or released payout causes a message only if it is held, or if it is cash to be collected. The message has
    the code for the cash only if the code is new.
    """
    match event.type:
        case "unknown":
            return None
        case "payout.created" | "payout.held" if payout.status is PayoutProgress.HELD:
            return holds.held(notice.hold)
        case "payout.created" | "payout.released" if payout.status is not PayoutProgress.AWAITING_COLLECTION:
            return None
        case "payout.created" | "payout.rerouted" | "payout.released" if notice.cash_code is None:
            return ASK_FOR_CODE
        case "payout.failed":
            return ANOTHER_NUMBER if payout.fault is PayoutFault.RECIPIENT else NOT_SENT_YET
        case "payout.paid" if payout.order_id is None:
            return PAID_BESIDES
        case "payout.returned":
            return RETURNED if payout.order_id else RETURNED_BESIDES
    return TO_PAYEE.get(event.type)


# -- how long a message is true

_GOING_ON = (OrderProgress.ACCEPTED, OrderProgress.AT_KIOSK, OrderProgress.SHIPPED, OrderProgress.DELIVERED)
_ORDER_TRUE_WHILE: Mapping[EventType, TrueWhile] = {
    "order.placed": TrueWhile(order=(OrderProgress.PLACED,)),
    "order.reopened": TrueWhile(order=(OrderProgress.PLACED,)),
    "order.accepted": TrueWhile(order=_GOING_ON),
    "order.reduced": TrueWhile(order=_GOING_ON),
    "order.at_kiosk": TrueWhile(order=_GOING_ON),
    "order.shipped": TrueWhile(order=(OrderProgress.SHIPPED,)),
    "order.delivery_asked": TrueWhile(order=(OrderProgress.SHIPPED,)),
}
_WHILE_HELD = TrueWhile(payout=(PayoutProgress.HELD,))
_PAYOUT_TRUE_WHILE: Mapping[EventType, TrueWhile] = {
    "payout.created": TrueWhile(payout=(PayoutProgress.AWAITING_COLLECTION,)),
    "payout.rerouted": TrueWhile(payout=(PayoutProgress.AWAITING_COLLECTION,)),
    "payout.released": TrueWhile(payout=(PayoutProgress.AWAITING_COLLECTION,)),
    "payout.held": _WHILE_HELD,
    "payout.failed": TrueWhile(payout=(PayoutProgress.FAILED,)),
}


def order_true_while(type: EventType | Literal["unknown"]) -> TrueWhile | None:
    """When the message to the buyer is true; None if it tells what happened, and stays true."""
    return None if type == "unknown" else _ORDER_TRUE_WHILE.get(type)


def part_true_while(type: EventType | Literal["unknown"], part: PartData) -> TrueWhile | None:
    """When the message to the artisan is true: a question until it is answered, a reminder until it is needless."""
    match type, part.status:
        case "order.placed" | "order.reopened" | "order.reminded", PartStatus.OFFERED:
            return TrueWhile(part=(PartStatus.OFFERED,), artisan=part.artisan.id)
        case "order.reminded", PartStatus.ACCEPTED:
            return TrueWhile(part=(PartStatus.ACCEPTED,), artisan=part.artisan.id, unready=True)
    return None


def payout_true_while(type: EventType | Literal["unknown"], payout: PayoutData) -> TrueWhile | None:
    """When the message about a payout is true: while it waits, and a failure until it is made good."""
    if type == "payout.created" and payout.status is PayoutProgress.HELD:
        return _WHILE_HELD
    return None if type == "unknown" else _PAYOUT_TRUE_WHILE.get(type)


# -- the fields of a message


def buyer_fields(order: OrderData, words: Words) -> Mapping[str, object]:
    """The fields of the whole order; `quantity` is the number of pieces ordered, or those accepted once some are."""
    first = next(iter(order.taken or order.assignments), None)  # an order for which nobody can be asked has none
    shipment = order.shipment
    return {
        "code": order.code,
        "title": order.title,
        "asked": order.quantity,
        "quantity": order.pieces_taken or order.quantity,
        "artisan": first.artisan.name if first else "",
        "makers": len({part.artisan.id for part in order.taken}),
        "due": _day(first.promised_on if first else None, words),
        "total": _money(order.total, words),
        "carrier": shipment.carrier if shipment else "",
        "tracking": shipment.tracking if shipment else "",
    }


def artisan_fields(order: OrderData, part: PartData, kiosk: str, words: Words) -> Mapping[str, object]:
    """The fields of one part; while a brief is only offered, `quantity` counts the pieces that no artisan accepted."""
    is_open = part.status is PartStatus.OFFERED and order.brief is not None
    pieces_left = order.quantity - order.pieces_taken
    due_on = part.promised_on or (order.brief.due_on if order.brief else None)
    return {
        "code": order.code,
        "title": order.title,
        "quantity": pieces_left if is_open else part.quantity,
        "earns": _money(part.earns, words),
        "earns_each": words.money(part.earns.amount // part.quantity, part.earns.currency),
        "refused": part.refused,
        "kiosk": kiosk,
        "due": _day(due_on, words),
    }


def payee_fields(notice: PayoutNotice, words: Words) -> Mapping[str, object]:
    return {
        "amount": words.money(notice.amount, notice.currency),
        "order": notice.order,
        "reference": notice.reference,
        "kiosk": notice.artisan.kiosk,
        "cash_code": notice.cash_code,
        "owed": words.money(notice.owed, notice.currency) if notice.owed > 0 else "",
        "until": holds.until(notice, words),
    }


def _day(day: date | None, words: Words) -> str:
    return words.day(day) if day else ""


def _money(money: MoneyData, words: Words) -> str:
    return words.money(money.amount, money.currency)
