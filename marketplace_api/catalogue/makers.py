"""Who makes and who ships, as everybody may know it: no phone number is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace_api.models import Artisan, Kiosk
from marketplace_api.shop import Shop

MOST_MAKERS = 60
"""So many artisans of a kiosk are named; the others are found by their goods."""


@dataclass(frozen=True, slots=True)
class ShownKiosk:
    """A kiosk, to which artisans bring their goods."""

    id: str
    name: str
    town: str


@dataclass(frozen=True, slots=True)
class ShownMaker:
    """An artisan who sells here since `since`."""

    id: str
    name: str
    craft: str
    since: datetime
    kiosk: ShownKiosk


_MAKERS = select(Artisan.id, Artisan.name, Artisan.craft, Artisan.created_at, Kiosk.id, Kiosk.name, Kiosk.town).join(
    Kiosk, Kiosk.id == Artisan.kiosk_id
)


def maker(shop: Shop, artisan_id: str) -> ShownMaker | None:
    """The artisan with this id; None if there is none, or if the artisan has left."""
    row = shop.session.execute(_MAKERS.where(Artisan.id == artisan_id, Artisan.status != "left")).one_or_none()
    return ShownMaker(*row[:4], ShownKiosk(*row[4:])) if row else None


def kiosk(shop: Shop, kiosk_id: str) -> ShownKiosk | None:
    """The kiosk with this id; None if there is none."""
    row = shop.session.execute(select(Kiosk.id, Kiosk.name, Kiosk.town).where(Kiosk.id == kiosk_id)).one_or_none()
    return ShownKiosk(*row) if row else None


def of_kiosk(shop: Shop, kiosk_id: str) -> Sequence[ShownMaker]:
    """The first `MOST_MAKERS` artisans who bring their goods to this kiosk, who joined first before the others."""
    found = _MAKERS.where(Artisan.kiosk_id == kiosk_id, Artisan.status != "left")
    rows = shop.session.execute(found.order_by(Artisan.created_at, Artisan.id).limit(MOST_MAKERS))
    return [ShownMaker(*row[:4], ShownKiosk(*row[4:])) for row in rows]
