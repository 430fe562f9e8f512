"""Payouts in cash at the kiosk, for a one-time code that was sent only to the artisan."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError

from marketplace_api import locks
from marketplace_api.models import Artisan, Kiosk, Payout
from marketplace_api.payments import ledger, payouts
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

TRIES = 3
_DRAWS = 1000
LOCKED_FOR = timedelta(hours=1)


def give_code(shop: Shop, payout: Payout) -> None:
    """Give the payout a cash code that no other waiting payout has."""
    shop.session.flush()
    for _ in range(_DRAWS):
        code = shop.ids.one_time_code()
        if shop.session.scalar(select(exists().where(Payout.cash_code == code))):
            continue
        # another transaction may take the code after the check; then only the savepoint is rolled back
        with suppress(IntegrityError), shop.session.begin_nested():
            payout.cash_code = code
            shop.session.flush()
            return
    raise RuntimeError("no free cash code found: is the random source broken?")


def find(shop: Shop, kiosk: Kiosk, code: str) -> Payout | None:
    """The payout that waits at this kiosk under `code`; None if there is none, which counts as a wrong code.

    After `TRIES` wrong codes the kiosk is locked for `LOCKED_FOR`: `Refused` with `locked`, even for a right code.
    """
    kiosk = lock_kiosk(shop, kiosk)
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


def lock_kiosk(shop: Shop, kiosk: Kiosk) -> Kiosk:
    """The kiosk as it is in the database now, locked until the transaction ends.

    Meanwhile no other transaction changes its cash or its count of wrong codes. `Refused` with `unknown_kiosk`.
    """
    locked = locks.take_one(shop, Kiosk, Kiosk.id == kiosk.id)
    if locked is None:
        raise Refused("unknown_kiosk", 404)
    return locked


def collect(shop: Shop, kiosk: Kiosk, payout_id: str) -> Payout:
    """Record that the kiosk paid the payout in cash out of its float. `Refused` with `own_goods` for its own agent."""
    payout = payouts.move(shop, payout_id, "collect")
    kiosk = lock_kiosk(shop, kiosk)
    if payout.artisan.has_phone(kiosk.agent_msisdn):
        raise Refused("own_goods", 403)
    postings = {
        ledger.artisan_account(payout.artisan_id): payout.amount,
        ledger.kiosk_account(kiosk.id): -payout.amount,
    }
    payouts.enter(shop, payout, f"collected:{payout.id}", postings)
    payout.paid_at, payout.cash_code, payout.kiosk_id = shop.now, None, kiosk.id
    return payouts.record_event(shop, payout, "payout.collected")
