"""Lists of orders for menus and texts, as long as people read them on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import contains_eager, lazyload, selectinload

from marketplace_api.models import Artisan, Assignment, Order
from marketplace_api.shop import Shop

MOST_LISTED = 100
"""More than people page through on a phone."""


def parts_of(shop: Shop, artisan: Artisan, status: Literal["offered", "accepted"]) -> Sequence[Assignment]:
    """The artisan's parts that are offered, or accepted and not brought yet; oldest order first."""
    own = select(Assignment).where(Assignment.artisan_id == artisan.id, Assignment.status == status)
    oldest_first = own.join(Assignment.order).order_by(Order.created_at, Order.id, Assignment.id)
    # an offer shows how many pieces are left, which follows from all parts of its order
    parts_of_order = (selectinload if status == "offered" else lazyload)(Order.assignments)
    with_orders = contains_eager(Assignment.order).options(parts_of_order, lazyload(Order.timeline))
    return shop.session.scalars(oldest_first.options(with_orders).limit(MOST_LISTED)).all()


def of_buyer(shop: Shop, msisdn: str) -> Sequence[Order]:
    """The buyer's last orders, newest first."""
    own: Select[Order] = select(Order).where(Order.buyer_msisdn == msisdn)
    return shop.session.scalars(own.order_by(Order.created_at.desc(), Order.id.desc()).limit(MOST_LISTED)).all()
