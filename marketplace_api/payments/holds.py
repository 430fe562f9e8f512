"""Holds: payouts that wait before they are paid, because a mistake or a fraud would be expensive.

| reason | the payout is held until |
|---|---|
| `large` | it is above `Terms.hold_above`: the kiosk ships the order |
| `first` | it is one of the artisan's first `Terms.hold_first`: the kiosk ships the order |
| `disputed` | the buyer disputes the payment of its order: the dispute is won |
| `new_phone` | the artisan changed the phone for payouts less than `COOLING_OFF` ago: that time is over |
| `day_cap` | the artisan's payouts of one day would be above `Terms.payout_day_cap`: the next day begins |

An operator can release any of them. The caller of each function has locked the artisan.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, func, select

from marketplace_api import locks
from marketplace_api.models import Artisan, Order, Payout
from marketplace_api.payments import cash_codes, payouts
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from marketplace_api.statuses import HoldReason

COOLING_OFF = timedelta(days=3)
"""How long a changed phone is not paid: long enough to notice a change that the artisan did not make."""
UNTIL_SHIPPED: tuple[HoldReason, ...] = ("large", "first")
AT_ONCE = 100
"""The largest number of payouts that are released in one transaction."""


def reason_for(shop: Shop, artisan: Artisan, amount: int) -> HoldReason | None:
    """Why a new payout of `amount` minor units is held; None if it is not."""
    if shop.terms.hold_above and amount > shop.terms.hold_above:
        return "large"
    if shop.terms.hold_first and _count(shop, artisan) < shop.terms.hold_first:
        return "first"
    if artisan.payout_method == "mobile_money" and is_cooling_off(shop, artisan):
        return "new_phone"
    if shop.terms.payout_day_cap and _of_today(shop, artisan) + amount > shop.terms.payout_day_cap:
        return "day_cap"
    return None


def is_cooling_off(shop: Shop, artisan: Artisan) -> bool:
    """True while the artisan's phone for payouts is too new to be paid."""
    changed_at = artisan.payout_changed_at
    return changed_at is not None and shop.now < changed_at + COOLING_OFF


def cooled_off_on(shop: Shop, artisan: Artisan) -> date | None:
    """The day from which the artisan's phone for payouts is paid, in the shop's time zone; None if it is paid now."""
    changed_at = artisan.payout_changed_at
    if changed_at is None or not is_cooling_off(shop, artisan):
        return None
    return (changed_at + COOLING_OFF).astimezone(shop.terms.zone).date()


def hold_waiting(shop: Shop, artisan: Artisan) -> None:
    """Hold the payouts that wait to be sent to the artisan's phone, which was just changed."""
    waiting = select(Payout).where(
        Payout.artisan_id == artisan.id, Payout.status == "pending", Payout.method == "mobile_money"
    )
    for payout in shop.session.scalars(waiting.order_by(Payout.id)).all():
        hold(shop, payout, "new_phone")


def hold(shop: Shop, payout: Payout, reason: HoldReason) -> Payout:
    """Hold a payout that no provider is paying yet."""
    payouts.move(shop, payout.id, "hold")
    payout.hold, payout.held_at = reason, shop.now
    return payouts.record_event(shop, payout, "payout.held")


def release(shop: Shop, payout_id: str) -> Payout:
    """Let a held payout be paid, in the way that the artisan has chosen by now. `Refused` with `payout_not_held`."""
    payout = payouts.lock(shop, payout_id)
    if payout.status != "held":
        raise Refused("payout_not_held", current=payout.status)
    artisan = payout.artisan
    payout.method, payout.msisdn = artisan.payout_method, artisan.payout_msisdn
    payout.hold, payout.released_at = None, shop.now
    if payout.method == "mobile_money":
        payouts.move(shop, payout.id, "end_hold")
    else:
        payouts.move(shop, payout.id, "end_hold_in_cash")
        cash_codes.give(shop, payout)
    return payouts.record_event(shop, payout, "payout.released")


def lock_held(shop: Shop, order_id: str) -> None:
    """Lock the artisans who have held payouts of an order; call it before the order is locked."""
    held = select(Payout.artisan_id).where(Payout.order_id == order_id, Payout.status == "held")
    locks.take_all(shop, Artisan, Artisan.id.in_(held))


def release_shipped(shop: Shop, order: Order) -> None:
    """Release what was held until the order was shipped, unless another reason holds it now."""
    _release_again(shop, Payout.order_id == order.id, Payout.hold.in_(UNTIL_SHIPPED))


def release_new_phone(shop: Shop, artisan: Artisan) -> None:
    """Release what was held because of a changed phone, unless the artisan's phone is still too new."""
    _release_again(shop, Payout.artisan_id == artisan.id, Payout.hold == "new_phone")


def hold_disputed(shop: Shop, order_id: str) -> None:
    """Hold the payouts of an order that wait to be sent, because its buyer disputes the payment."""
    waiting = select(Payout).where(Payout.order_id == order_id, Payout.status == "pending")
    for payout in shop.session.scalars(waiting.order_by(Payout.artisan_id, Payout.id)).all():
        hold(shop, payout, "disputed")


def release_disputed(shop: Shop, order_id: str) -> None:
    """Release the payouts of an order that were held because of a dispute, which is over."""
    _release_again(shop, Payout.order_id == order_id, Payout.hold == "disputed")


def release_due(shop: Shop) -> int:
    """Release payouts whose time to wait is over; returns how many, at most `AT_ONCE`."""
    new_phone = (Payout.hold == "new_phone") & (
        Artisan.payout_changed_at.is_(None) | (Artisan.payout_changed_at <= shop.now - COOLING_OFF)
    )
    of_yesterday = (Payout.hold == "day_cap") & (Payout.held_at < _midnight(shop))
    due = select(Payout.id).join(Payout.artisan).where(Payout.status == "held", new_phone | of_yesterday)
    ids = shop.session.scalars(due.order_by(Payout.artisan_id, Payout.id).limit(AT_ONCE)).all()
    return _release_again(shop, Payout.id.in_(ids))


def _release_again(shop: Shop, *where: ColumnElement[bool]) -> int:
    held = select(Payout.id).where(Payout.status == "held", *where).order_by(Payout.artisan_id, Payout.id)
    released = 0
    for payout_id in shop.session.scalars(held).all():
        payout = payouts.lock(shop, payout_id)
        if payout.status != "held":
            continue
        if still := _still(shop, payout):
            payout.hold, payout.held_at = still, shop.now
            payouts.record_event(shop, payout, "payout.held")
        else:
            release(shop, payout_id)
            released += 1
    return released


def _still(shop: Shop, payout: Payout) -> HoldReason | None:
    """The reason of time that still holds a payout when its first reason is over."""
    artisan = payout.artisan
    if artisan.payout_method == "mobile_money" and is_cooling_off(shop, artisan):
        return "new_phone"
    cap, paid = shop.terms.payout_day_cap, _of_today(shop, artisan)
    return "day_cap" if cap and paid and paid + payout.amount > cap else None  # one payout above the cap is paid alone


def _count(shop: Shop, artisan: Artisan) -> int:
    of_artisan = Payout.artisan_id == artisan.id, Payout.status.not_in(payouts.ENDED_UNPAID)
    return shop.session.scalar(select(func.count()).select_from(Payout).where(*of_artisan)) or 0


def _of_today(shop: Shop, artisan: Artisan) -> int:
    """The sum of the artisan's payouts that became payable today, in minor units."""
    ended: Collection[str] = ("held", *payouts.ENDED_UNPAID)
    since = func.coalesce(Payout.released_at, Payout.created_at) >= _midnight(shop)
    summed = select(func.coalesce(func.sum(Payout.amount), 0)).where(
        Payout.artisan_id == artisan.id, Payout.status.not_in(ended), since
    )
    return int(shop.session.scalar(summed) or 0)


def _midnight(shop: Shop) -> datetime:
    return datetime.combine(shop.today, time(), shop.terms.zone)
