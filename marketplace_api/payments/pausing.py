"""Pauses all payouts until something on our side is corrected."""

from __future__ import annotations

from marketplace_api.events import events
from marketplace_api.models import PayoutPause
from marketplace_api.schemas.payouts import PayoutsPause
from marketplace_api.shop import Shop


def current_pause(shop: Shop) -> PayoutPause | None:
    """The reason and the start of the present pause; None if payouts are not paused."""
    return shop.session.get(PayoutPause, 1)


def pause(shop: Shop, reason: str) -> None:
    """Send no payout until `resume`. If payouts are paused already, nothing changes."""
    if current_pause(shop) is None:
        shop.session.add(PayoutPause(id=1, reason=reason, since=shop.now))
        shop.session.flush()
        events.record(shop, "payouts.paused", PayoutsPause(reason=reason))


def resume(shop: Shop) -> bool:
    """End the pause; False if payouts were not paused."""
    ended = current_pause(shop)
    if ended is None:
        return False
    shop.session.delete(ended)
    shop.session.flush()
    events.record(shop, "payouts.resumed", PayoutsPause(reason=ended.reason))
    return True
