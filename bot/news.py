"""What happened in the shop, with all that texts about it need: an event and the people it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from bot.marketplace import Due, Maker, News
from marketplace_api import artisans, events, payouts
from marketplace_api.models import Event
from marketplace_api.shop import Shop


def since(shop: Shop, after: int, limit: int) -> Sequence[News]:
    """The first `limit` events after the number `after`, oldest first; 0 is before them all."""
    return [_news(shop, event) for event in events.since(shop, after, limit)]


def _news(shop: Shop, event: Event) -> News:
    makers = {id: Maker.of(artisans.by_id(shop, id)) for id in _concerned(event.type, event.data)}
    due = _due(shop, event.data["id"]) if event.type.startswith("payout.") else None
    return News(event.seq, event.id, event.type, event.created_at, event.data, makers, due)


def _concerned(type: str, data: Mapping[str, Any]) -> Iterator[str]:
    """The artisans in an event's resource: she herself, or whoever makes a part of an order."""
    if type.startswith("artisan."):
        yield data["id"]
    for part in data.get("assignments", ()):
        yield part["artisan"]["id"]


def _due(shop: Shop, payout_id: str) -> Due:
    row = payouts.by_id(shop, payout_id)
    return Due(
        Maker.of(row.artisan),
        order=row.order.code,
        amount=row.amount,
        currency=row.currency,
        owed=payouts.standing(shop, row.artisan, last=0).owed,
        reference=row.provider_reference,
        cash_code=row.cash_code,
    )


def newest(shop: Shop) -> int:
    """The number of the last event, 0 before the first."""
    return shop.session.scalar(select(func.max(Event.seq))) or 0
