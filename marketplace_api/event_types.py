"""The types of events. The first word is the kind of the resource in `data`: see `schemas.events`."""

from __future__ import annotations

from typing import Literal

EventType = Literal[
    "artisan.registered",
    "artisan.updated",
    "artisan.payout_changed",
    "artisan.left",
    "product.listed",
    "product.updated",
    "product.withdrawn",
    "order.placed",
    "order.accepted",
    "order.part_accepted",
    "order.part_declined",
    "order.part_released",
    "order.reopened",
    "order.ready",
    "order.reminded",
    "order.part_received",
    "order.reduced",
    "order.goods_refused",
    "order.declined",
    "order.expired",
    "order.at_kiosk",
    "order.shipped",
    "order.delivered",
    "order.cancelled",
    "payout.created",
    "payout.paid",
    "payout.failed",
    "payout.retried",
    "payout.rerouted",
    "payout.collected",
    "payouts.paused",
    "payouts.resumed",
    "help.requested",
    "webhook_endpoint.tested",
    "webhook_endpoint.disabled",
    "webhook_delivery.replayed",
]
