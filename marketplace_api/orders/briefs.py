"""Briefs: orders for many pieces of something that is not in the catalogue, offered to many artisans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from marketplace_api import locks
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Assignment, Brief, Kiosk, Order
from marketplace_api.orders import orders
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

OFFER_STANDS = timedelta(hours=72)
"""How long a brief is offered, at most until the beginning of the day on which it is due."""
MOST_OFFERS = 100


@dataclass(frozen=True, slots=True)
class NewBrief:
    """The pieces to make, at `unit_price` minor units each, and the day by which they have to be at the kiosk."""

    title: str
    category: str
    unit_price: int
    quantity: int
    due_on: date
    kiosk_id: str | None = None


def place(shop: Shop, request: orders.NewOrder, wanted: NewBrief) -> Order:
    """Offer a brief to the artisans of its craft, or only to those of its kiosk if it names one.

    `Refused` with `unknown_category`, `unknown_kiosk`, `due_too_soon` if it is due before tomorrow, and
    `nobody_to_ask` if there is no such artisan.
    """
    if wanted.category not in CATEGORIES:
        raise Refused("unknown_category", 422, category=wanted.category)
    kiosk = kiosks.by_id(shop, wanted.kiosk_id) if wanted.kiosk_id else None
    if wanted.due_on <= shop.today:
        raise Refused("due_too_soon", due_on=wanted.due_on.isoformat())
    artisans = least_busy(shop, wanted.category, kiosk)
    if not artisans:
        raise Refused("nobody_to_ask", category=wanted.category)
    brief = Brief(title=wanted.title, category=wanted.category, kiosk=kiosk, due_on=wanted.due_on)
    until = min(shop.now + OFFER_STANDS, shop.midnight(wanted.due_on))
    return orders.create(shop, request, brief, wanted.unit_price, wanted.quantity, artisans, until)


def least_busy(shop: Shop, craft: str, kiosk: Kiosk | None) -> Sequence[Artisan]:
    """At most `MOST_OFFERS` artisans: those with the fewest parts to make first, then those who joined first."""
    busy = (
        select(Assignment.artisan_id, func.count().label("parts"))
        .where(Assignment.status == "accepted")
        .group_by(Assignment.artisan_id)
        .subquery()
    )
    is_asked = [Artisan.craft == craft, Artisan.status == "active"]
    if kiosk:
        is_asked.append(Artisan.kiosk_id == kiosk.id)
    least_busy = (
        select(Artisan.id)
        .outerjoin(busy, busy.c.artisan_id == Artisan.id)
        .where(*is_asked)
        .order_by(func.coalesce(busy.c.parts, 0), Artisan.created_at, Artisan.id)
        .limit(MOST_OFFERS)
    )
    ids = shop.session.scalars(least_busy).all()
    # so that none of them leaves before the offer is made
    locked = locks.take_all(shop, Artisan, Artisan.id.in_(ids), *is_asked, shared=True)
    return sorted(locked, key=lambda artisan: ids.index(artisan.id))
