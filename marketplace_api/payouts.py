"""What artisans are paid."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import selectinload

from marketplace_api import cash, events, shapes
from marketplace_api.lifecycles import PAYOUT
from marketplace_api.models import Artisan, Assignment, Kiosk, Payout
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop, add_coded

SETTLED = ("paid", "collected")
_IS_PAID = Payout.status.in_(SETTLED)
_OWED = func.coalesce(func.sum(case((_IS_PAID, 0), else_=Payout.amount)), 0)
_PAID = func.coalesce(func.sum(case((_IS_PAID, Payout.amount), else_=0)), 0)
_STARTS = {"mobile_money": "pending", "kiosk_cash": "awaiting_collection"}


@dataclass(frozen=True, slots=True)
class Standing:
    """An artisan's money in minor units, and her last payouts, newest first."""

    owed: int
    paid: int
    last: Sequence[Payout]


def fall_due(shop: Shop, part: Assignment) -> Payout:
    """Owe an artisan what her part earns, to be paid the way she wants today. The caller announces it."""
    artisan = part.artisan
    return add_coded(
        shop,
        lambda code: Payout(
            id=shop.ids.new_id("pay"),
            code=code,
            artisan=artisan,
            order=part.order,
            assignment=part,
            amount=part.earns,
            currency=part.order.currency,
            method=artisan.payout_method,
            msisdn=artisan.payout_msisdn,
            cash_code=cash.new_code(shop) if artisan.payout_method == "kiosk_cash" else None,
            status=_STARTS[artisan.payout_method],
            created_at=shop.now,
        ),
    )


def by_id(shop: Shop, payout_id: str) -> Payout:
    """The payout, or `Refused` with `unknown_payout`."""
    payout = shop.session.get(Payout, payout_id)
    if payout is None:
        raise Refused("unknown_payout", 404)
    return payout


def by_ids(shop: Shop, payout_ids: Collection[str]) -> Sequence[Payout]:
    """Those of these payouts that there are, with their artisans and orders, in no order."""
    rows = select(Payout).where(Payout.id.in_(payout_ids))
    return shop.session.scalars(rows.options(selectinload(Payout.artisan), selectinload(Payout.order))).all()


def owed(shop: Shop, artisan_ids: Collection[str]) -> Mapping[str, int]:
    """What each of these artisans is owed, in minor units, by her id; nobody who never had a payout is among them."""
    hers = select(Payout.artisan_id, _OWED).where(Payout.artisan_id.in_(artisan_ids)).group_by(Payout.artisan_id)
    return {artisan_id: int(amount) for artisan_id, amount in shop.session.execute(hers)}


def standing(shop: Shop, artisan: Artisan, last: int = 5) -> Standing:
    """What she is owed, what she was paid, and her `last` payouts."""
    owed, paid = shop.session.execute(select(_OWED, _PAID).where(Payout.artisan_id == artisan.id)).one()
    newest = (
        select(Payout)
        .options(selectinload(Payout.order))
        .where(Payout.artisan_id == artisan.id)
        .order_by(Payout.created_at.desc(), Payout.id.desc())
        .limit(last)
    )
    return Standing(int(owed), int(paid), shop.session.scalars(newest).all())


def collected_since(shop: Shop, kiosk: Kiosk, then: datetime) -> int:
    """Minor units that this kiosk has paid in cash since then."""
    paid = select(func.coalesce(func.sum(Payout.amount), 0)).join(Payout.artisan)
    here = paid.where(Payout.status == "collected", Payout.paid_at >= then, Artisan.kiosk_id == kiosk.id)
    return int(shop.session.scalar(here) or 0)


def begin_sending(shop: Shop, payout_id: str) -> Payout:
    """Claim the payout before its provider is asked to pay.

    Commit before asking. Whoever is refused here must not pay: somebody else is paying, or has paid.
    """
    return _moved(shop, payout_id, "send")


def settle_paid(shop: Shop, payout_id: str, reference: str) -> Payout:
    """The provider has paid, as `reference`."""
    payout = _moved(shop, payout_id, "settle_paid")
    payout.provider_reference, payout.paid_at, payout.failure = reference, shop.now, None
    return _told(shop, payout, "payout.paid")


def settle_failed(shop: Shop, payout_id: str, reason: str) -> Payout:
    """The provider will certainly not pay this time."""
    payout = _moved(shop, payout_id, "settle_failed")
    payout.failure = reason
    return _told(shop, payout, "payout.failed")


def settle_unknown(shop: Shop, payout_id: str) -> Payout:
    """The provider may have paid or not; nobody tries again until it says which."""
    return _moved(shop, payout_id, "settle_unknown")


def collect(shop: Shop, payout_id: str) -> Payout:
    """The kiosk has paid it in cash."""
    payout = _moved(shop, payout_id, "collect")
    payout.paid_at, payout.cash_code = shop.now, None
    return _told(shop, payout, "payout.collected")


def retry(shop: Shop, payout_id: str) -> Payout:
    """Have a failed payout sent again."""
    return _told(shop, _moved(shop, payout_id, "retry"), "payout.retried")


def _moved(shop: Shop, payout_id: str, trigger: str) -> Payout:
    payout = by_id(shop, payout_id)
    shop.session.refresh(payout, with_for_update={"of": Payout})
    PAYOUT.move(payout, trigger)
    shop.session.flush()
    return payout


def _told(shop: Shop, payout: Payout, type: str) -> Payout:
    shop.session.flush()
    events.announce(shop, type, shapes.Payout.of(payout))
    return payout
