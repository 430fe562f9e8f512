"""Artisans: their names, kiosks and payout methods."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace_api import locks
from marketplace_api.catalogue import products
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan
from marketplace_api.orders import orders
from marketplace_api.payments import balances, holds, ledger, payout_methods, payouts
from marketplace_api.refused import Refused
from marketplace_api.schemas.artisans import Artisan as ArtisanSchema
from marketplace_api.schemas.artisans import PaidOtherwise, PayoutMethodDetails
from marketplace_api.shop import Shop, check_text
from marketplace_api.statuses import PayoutMethod


def register(
    shop: Shop,
    *,
    name: str,
    msisdn: str,
    language: str,
    craft: str,
    kiosk_id: str,
    payout_method: PayoutMethod,
    payout_msisdn: str | None,
) -> Artisan:
    """Register an artisan. A phone can be registered once, and again after its artisan left.

    `Refused` with `already_registered`, `unknown_category`, `unknown_kiosk`, `not_a_wallet` or `unsafe_text`.
    """
    check_text(shop, name)
    existing = locks.take_one(shop, Artisan, Artisan.msisdn == msisdn)
    if existing is not None and existing.status == "active":
        raise Refused("already_registered")
    if craft not in CATEGORIES:
        raise Refused("unknown_category", 422, category=craft)
    kiosk = kiosks.by_id(shop, kiosk_id)
    paid_to = _payout_msisdn(shop, msisdn, payout_method, payout_msisdn)
    artisan = existing or Artisan(id=shop.ids.new_id("art"), msisdn=msisdn, created_at=shop.now)
    artisan.name, artisan.language, artisan.craft = name, language, craft
    artisan.status, artisan.kiosk = "active", kiosk
    artisan.payout_method = payout_method
    artisan.payout_msisdn = paid_to
    try:
        with shop.session.begin_nested():
            shop.session.add(artisan)
    except IntegrityError:  # another transaction has just registered the phone
        raise Refused("already_registered") from None
    if existing is None:
        ledger.open_account(shop, ledger.artisan_account(artisan.id), shop.terms.currency)
    events.record(shop, "artisan.registered", ArtisanSchema.of(artisan))
    return artisan


def by_id(shop: Shop, artisan_id: str) -> Artisan:
    """The artisan, or `Refused` with `unknown_artisan`."""
    artisan = shop.session.get(Artisan, artisan_id)
    if artisan is None:
        raise Refused("unknown_artisan", 404)
    return artisan


def by_ids(shop: Shop, artisan_ids: Collection[str]) -> Sequence[Artisan]:
    """The artisans with these ids, in no order; unknown ids are left out."""
    return shop.session.scalars(select(Artisan).where(Artisan.id.in_(artisan_ids))).all()


def by_msisdn(shop: Shop, msisdn: str) -> Artisan | None:
    """The active artisan with this phone; None if there is none or the artisan has left."""
    artisan = by_msisdn_including_left(shop, msisdn)
    return artisan if artisan and artisan.status == "active" else None


def by_msisdn_including_left(shop: Shop, msisdn: str) -> Artisan | None:
    """The artisan with this phone, also one who has left; None if there is none."""
    return shop.session.scalars(select(Artisan).where(Artisan.msisdn == msisdn)).one_or_none()


def rename(shop: Shop, artisan: Artisan, name: str) -> None:
    """Change the artisan's name. `Refused` with `unsafe_text`."""
    check_text(shop, name)
    artisan = payouts.lock_artisan(shop, artisan)
    artisan.name = name
    _record_event(shop, artisan, "artisan.updated")


def set_language(shop: Shop, artisan: Artisan, language: str) -> None:
    """Change the language that the artisan reads, such as `sw`."""
    payouts.lock_artisan(shop, artisan).language = language
    shop.session.flush()


def set_craft(shop: Shop, artisan: Artisan, craft: str) -> None:
    """Change what the artisan makes, a category. `Refused` with `unknown_category`."""
    if craft not in CATEGORIES:
        raise Refused("unknown_category", 422, category=craft)
    artisan = payouts.lock_artisan(shop, artisan)
    artisan.craft = craft
    _record_event(shop, artisan, "artisan.updated")


def set_town(shop: Shop, artisan: Artisan, town: str) -> None:
    """Change the kiosk to one in this town, unless it is there; the oldest one if there are several.

    `Refused` with `unknown_kiosk` if there is none.
    """
    if artisan.kiosk.town != town:
        set_kiosk(shop, artisan, kiosks.in_town(shop, town).id)


def set_kiosk(shop: Shop, artisan: Artisan, kiosk_id: str) -> None:
    """Change the kiosk for the artisan's goods, also those of accepted orders. `Refused` with `unknown_kiosk`."""
    artisan = payouts.lock_artisan(shop, artisan)
    artisan.kiosk = kiosks.by_id(shop, kiosk_id)
    _record_event(shop, artisan, "artisan.updated")


def set_payout_method(shop: Shop, artisan: Artisan, method: PayoutMethod, msisdn: str | None = None) -> None:
    """Change how the artisan is paid from now on. This includes payouts that the old phone could not receive.

    Mobile money goes to `msisdn`, or to the artisan's own phone if that is None. The event has the previous method too,
    so that its phone can be asked about the change. `Refused` with `not_a_wallet`.
    """
    artisan = payouts.lock_artisan(shop, artisan)
    previous = PayoutMethodDetails(method=artisan.payout_method, phone=artisan.payout_msisdn)
    paid_to = _payout_msisdn(shop, artisan.msisdn, method, msisdn)
    if paid_to not in (None, artisan.payout_msisdn or artisan.msisdn):
        artisan.payout_changed_at = shop.now
    artisan.payout_method, artisan.payout_msisdn = method, paid_to
    shop.session.flush()
    held_until = holds.cooled_off_on(shop, artisan) if method == "mobile_money" else None
    events.record(shop, "artisan.payout_changed", PaidOtherwise.after(artisan, previous, held_until))
    payout_methods.apply_new_payout_method(shop, artisan)
    if method == "mobile_money" and holds.is_cooling_off(shop, artisan):
        holds.hold_waiting(shop, artisan)
    else:
        holds.release_new_phone(shop, artisan)


def leave(shop: Shop, artisan: Artisan) -> None:
    """Set the artisan's status to `left`, withdraw all products and decline all offers of briefs.

    `Refused` with `orders_open` or `money_owed`. Orders and products are locked before the check for open orders, so
    that none can be placed or reopened after it.
    """
    artisan = payouts.lock_artisan(shop, artisan)
    waiting = orders.lock_open(shop, artisan)
    for_sale = products.lock_on_sale(shop, artisan)
    own = [part for order in waiting for part in order.assignments if part.artisan_id == artisan.id]
    offered = [part for part in own if part.status == "offered"]
    if any(part.status == "accepted" for part in own) or any(part.order.brief is None for part in offered):
        raise Refused("orders_open")
    if balances.has_open_payouts(shop, artisan):
        raise Refused("money_owed")
    products.withdraw_all(shop, for_sale)
    for part in offered:
        orders.decline_part(shop, part, "left")  # a brief is offered to others too
    artisan.status = "left"
    _record_event(shop, artisan, "artisan.left")


def _record_event(shop: Shop, artisan: Artisan, type: EventType) -> None:
    shop.session.flush()
    events.record(shop, type, ArtisanSchema.of(artisan))


def _payout_msisdn(shop: Shop, own: str, method: PayoutMethod, other: str | None) -> str | None:
    """The phone for mobile money; `Refused` with `not_a_wallet` if the payout network cannot pay it."""
    if method == "kiosk_cash":
        return None
    msisdn = other or own
    if not shop.terms.can_be_paid(msisdn):
        raise Refused("not_a_wallet", 422, network=shop.terms.payout_network)
    return msisdn
