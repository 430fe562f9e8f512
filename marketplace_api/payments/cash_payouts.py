"""Payouts in cash at the kiosk, for a one-time code that was told only to the artisan."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from marketplace_api import locks
from marketplace_api.models import Artisan, Kiosk, Payout, WrongCashCode
from marketplace_api.payments import cash_codes, ledger, payouts
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

TRIES = 3
"""Wrong codes that lock a kiosk for `LOCKED_FOR`. A payment in cash resets the count; a right code alone does not."""
LOCKED_FOR = timedelta(hours=1)
TRIES_A_DAY = 10
"""Wrong codes that lock a kiosk until the day ends, whatever was paid meanwhile."""
TRIES_OF_A_CODE = 10
"""Wrong codes at the kiosk after which a code that was given before them is void. The artisan asks for another."""


def renew_code(shop: Shop, artisan: Artisan) -> Payout:
    """Give a new code to the payout that `longest_waiting` names; its code before is void.

    `Refused` with `payout_not_awaiting_collection` if no cash waits.
    """
    payout = longest_waiting(shop, payouts.lock_artisan(shop, artisan))
    if payout is None:
        raise Refused("payout_not_awaiting_collection")
    cash_codes.give(shop, payout)
    return payout


def longest_waiting(shop: Shop, artisan: Artisan) -> Payout | None:
    """The payout of the artisan that has waited longest to be collected in cash, or None."""
    # sorted here: for the first in an order, SQLite would read all payouts that the artisan ever had
    waiting = select(Payout).where(Payout.artisan_id == artisan.id, Payout.status == "awaiting_collection")
    found = shop.session.scalars(waiting).all()
    return min(found, key=lambda payout: (payout.created_at, payout.piece, payout.id), default=None)


def find(shop: Shop, kiosk: Kiosk, code: str) -> Payout | None:
    """The payout that waits at this kiosk under `code`; None if there is none, which counts as a wrong code.

    `Refused` with `locked` while the kiosk is locked, even for a right code: see `TRIES` and `TRIES_A_DAY`.
    """
    kiosk = lock_kiosk(shop, kiosk)
    if kiosk.cash_locked_until and shop.now < kiosk.cash_locked_until:
        raise Refused("locked", 429)
    waiting = (
        select(Payout)
        .join(Payout.artisan)
        .where(
            Payout.cash_code_hash.in_(cash_codes.hashes_of(shop, code)),
            Payout.status == "awaiting_collection",
            Artisan.kiosk_id == kiosk.id,
        )
    )
    payout = shop.session.scalars(waiting).one_or_none()
    if payout is None or _wrong_since(shop, kiosk, payout.cash_code_made_at or payout.created_at) >= TRIES_OF_A_CODE:
        _count_wrong(shop, kiosk)
        return None
    return payout


def _count_wrong(shop: Shop, kiosk: Kiosk) -> None:
    shop.session.add(WrongCashCode(kiosk_id=kiosk.id, at=shop.now))
    kiosk.wrong_cash_codes += 1
    if kiosk.wrong_cash_codes >= TRIES:
        kiosk.cash_locked_until = shop.now + LOCKED_FOR
    shop.session.flush()
    if _wrong_since(shop, kiosk, shop.midnight(shop.today)) >= TRIES_A_DAY:
        tomorrow = shop.midnight(shop.today + timedelta(days=1))
        kiosk.cash_locked_until = max(tomorrow, kiosk.cash_locked_until or tomorrow)
        shop.session.flush()


def _wrong_since(shop: Shop, kiosk: Kiosk, since: datetime) -> int:
    """How many wrong codes were typed at the kiosk at or after a time."""
    wrong = select(func.count()).where(WrongCashCode.kiosk_id == kiosk.id, WrongCashCode.at >= since)
    return shop.session.scalars(wrong).one()


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
    payout.paid_at, payout.cash_code_hash, payout.kiosk_id = shop.now, None, kiosk.id
    kiosk.wrong_cash_codes = 0
    return payouts.record_event(shop, payout, "payout.collected")
