"""Cash at the kiosk: a one-time code that only the artisan was sent says whose money it is."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from marketplace_api.models import Artisan, Kiosk, Payout
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

DIGITS = 6
TRIES = 3
LOCKED_FOR = timedelta(hours=1)


def new_code(shop: Shop) -> str:
    """Six digits that no other waiting payout has, so that a code names one payout."""
    taken = select(Payout.cash_code).where(Payout.cash_code.is_not(None))
    known = set(shop.session.scalars(taken))
    while (code := f"{shop.ids.random.randrange(10**DIGITS):0{DIGITS}}") in known:
        pass
    return code


def find(shop: Shop, kiosk: Kiosk, code: str) -> Payout | None:
    """The payout that waits at this kiosk under a code; None, and counted, when there is no such.

    After `TRIES` wrong ones the kiosk is locked for `LOCKED_FOR`: `Refused` with `locked`, right code or not.
    """
    shop.session.refresh(kiosk, with_for_update={"of": Kiosk})
    if kiosk.cash_locked_until and shop.now < kiosk.cash_locked_until:
        raise Refused("locked", 429)
    waiting = (
        select(Payout)
        .join(Payout.artisan)
        .where(Payout.cash_code == code, Payout.status == "awaiting_collection", Artisan.kiosk_id == kiosk.id)
    )
    payout = shop.session.scalars(waiting).one_or_none()
    kiosk.wrong_cash_codes = 0 if payout else kiosk.wrong_cash_codes + 1
    if kiosk.wrong_cash_codes >= TRIES:
        kiosk.wrong_cash_codes, kiosk.cash_locked_until = 0, shop.now + LOCKED_FOR
    shop.session.flush()
    return payout
