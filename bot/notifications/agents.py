"""The messages to the agents of kiosks: their wordings, and the fields that these may name.

Each message has versions, longest first; the longest one that fits is sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.marketplace.event_details import OrderData, OrderProgress
from bot.marketplace.wire import CashReceipt, PayoutNotice, ShippingNotice
from bot.messaging.still_true import TrueWhile
from flows.kit import N_, Words

HANDED_OUT = N_(
    "Soko receipt: you paid {artisan} {amount} in cash for order {order}. Paid today: {today}.",
    "Soko receipt: you paid {amount} in cash for order {order}.",
)
SHIP_IT = N_(
    "Soko: order {code}, {quantity} x {title}, is still at {kiosk}. Please ship it by {due}. After that we cancel it.",
    "Soko: order {code} is still at your kiosk. Please ship it by {due}. After that we cancel it.",
)

WHILE_AT_KIOSK = TrueWhile(order=(OrderProgress.AT_KIOSK,))
"""When `SHIP_IT` is true."""


def receipt_fields(notice: PayoutNotice, receipt: CashReceipt, words: Words) -> Mapping[str, object]:
    return {
        "artisan": notice.artisan.name,
        "amount": words.money(notice.amount, notice.currency),
        "order": notice.order,
        "today": words.money(receipt.paid_today, notice.currency),
    }


def shipping_fields(order: OrderData, notice: ShippingNotice, words: Words) -> Mapping[str, object]:
    return {
        "code": order.code,
        "quantity": order.pieces_taken,
        "title": order.title,
        "kiosk": notice.kiosk,
        "due": words.day(notice.ship_by),
    }
