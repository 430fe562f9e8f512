"""Briefs: a ware that is in no catalogue, many pieces of it, offered to many artisans who each take a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Assignment, Brief, Kiosk, Order
from marketplace_api.orders import orders
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

OFFER_STANDS = timedelta(hours=72)
"""But never into the day on which it is due."""
MOST_OFFERS = 100


@dataclass(frozen=True, slots=True)
class NewBrief:
    """What is to be made, for `unit_price` minor units each, and by which day it has to be at the kiosk."""

    title: str
    category: str
    unit_price: int
    quantity: int
    due_on: date
    kiosk_id: str | None = None


def place(shop: Shop, request: orders.NewOrder, wanted: NewBrief) -> Order:
    """Offer a brief to the artisans of its craft; of its kiosk alone, if it names one.

    `Refused` when it is due before anybody could bring it, and when there is nobody to ask.
    """
    if wanted.category not in CATEGORIES:
        raise Refused("unknown_category", 422, category=wanted.category)
    kiosk = kiosks.by_id(shop, wanted.kiosk_id) if wanted.kiosk_id else None
    if wanted.due_on <= shop.today:
        raise Refused("due_too_soon", due_on=wanted.due_on.isoformat())
    makers = _least_busy(shop, wanted.category, kiosk)
    if not makers:
        raise Refused("nobody_to_ask", category=wanted.category)
    brief = Brief(title=wanted.title, category=wanted.category, kiosk=kiosk, due_on=wanted.due_on)
    until = min(shop.now + OFFER_STANDS, shop.midnight(wanted.due_on))
    return orders.create(shop, request, brief, wanted.unit_price, wanted.quantity, makers, until)


def _least_busy(shop: Shop, craft: str, kiosk: Kiosk | None) -> Sequence[Artisan]:
    """The artisans to ask, at most `MOST_OFFERS`: those with the fewest parts to make, then the longest with us."""
    busy = (
        select(Assignment.artisan_id, func.count().label("parts"))
        .where(Assignment.status == "accepted")
        .group_by(Assignment.artisan_id)
        .subquery()
    )
    makers = (
        select(Artisan)
        .outerjoin(busy, busy.c.artisan_id == Artisan.id)
        .where(Artisan.craft == craft, Artisan.status == "active")
        .order_by(func.coalesce(busy.c.parts, 0), Artisan.created_at, Artisan.id)
        .limit(MOST_OFFERS)
    )
    if kiosk:
        makers = makers.where(Artisan.kiosk_id == kiosk.id)
    return shop.session.scalars(makers).all()
