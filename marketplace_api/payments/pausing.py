"""Pauses all payouts until something on our side is corrected."""

from __future__ import annotations

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from marketplace_api.events import events
from marketplace_api.models import PayoutPause
from marketplace_api.schemas.payouts import PayoutsPause
from marketplace_api.shop import Shop

_ID = 1  # of the one row


def current_pause(shop: Shop) -> PayoutPause | None:
    """The reason and the start of the present pause; None if payouts are not paused."""
    return shop.session.get(PayoutPause, _ID, populate_existing=True)


def pause(shop: Shop, reason: str) -> None:
    """Send no payout until `resume`. If payouts are paused already, nothing changes."""
    try:
        # another transaction that pauses waits here, and then fails on the key
        with shop.session.begin_nested():
            shop.session.execute(insert(PayoutPause).values(id=_ID, reason=reason, since=shop.now))
    except IntegrityError:
        return
    events.record(shop, "payouts.paused", PayoutsPause(reason=reason))


def resume(shop: Shop) -> bool:
    """End the pause; False if payouts were not paused."""
    ending = delete(PayoutPause).where(PayoutPause.id == _ID).returning(PayoutPause.reason)
    reason = shop.session.scalar(ending)
    if reason is None:
        return False
    events.record(shop, "payouts.resumed", PayoutsPause(reason=reason))
    return True
