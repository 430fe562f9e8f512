"""Payouts in cash at the kiosk, for a one-time code that was sent only to the artisan."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from marketplace_api.models import Artisan, Kiosk, Payout
from marketplace_api.payments import ledger, payouts
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

DIGITS = 6
TRIES = 3
LOCKED_FOR = timedelta(hours=1)


def new_code(shop: Shop) -> str:
    """A code of `DIGITS` digits that no other waiting payout has."""
    taken = select(Payout.cash_code).where(Payout.cash_code.is_not(None))
    codes_in_use = set(shop.session.scalars(taken))
    while (code := f"{shop.ids.random.randrange(10**DIGITS):0{DIGITS}}") in codes_in_use:
        pass
    return code


def find(shop: Shop, kiosk: Kiosk, code: str) -> Payout | None:
    """The payout that waits at this kiosk under `code`; None if there is none, which counts as a wrong code.

    After `TRIES` wrong codes the kiosk is locked for `LOCKED_FOR`: `Refused` with `locked`, even for a right code.
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


def collect(shop: Shop, kiosk: Kiosk, payout_id: str) -> Payout:
    """Record that the kiosk paid the payout in cash out of its float."""
    payout = payouts.move(shop, payout_id, "collect")
    postings = {
        ledger.artisan_account(payout.artisan_id): payout.amount,
        ledger.kiosk_account(kiosk.id): -payout.amount,
    }
    payouts.enter(shop, payout, f"collected:{payout.id}", postings)
    payout.paid_at, payout.cash_code, payout.kiosk_id = shop.now, None, kiosk.id
    return payouts.record_event(shop, payout, "payout.collected")
