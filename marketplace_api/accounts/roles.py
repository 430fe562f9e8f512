"""What a phone is in the shop: an artisan's, a kiosk agent's, both or neither."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BindParameter, Select, bindparam, literal, select
from sqlalchemy.orm import lazyload

from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Kiosk, Order
from marketplace_api.shop import Shop


@dataclass(frozen=True, slots=True)
class Roles:
    """The active artisan with a phone, and the kiosk whose agent has it.

    `locale` is the locale of the latest order that the phone placed as a buyer; None if it placed none.
    """

    artisan: Artisan | None
    kiosk: Kiosk | None
    locale: str | None


def _statement() -> Select[Artisan, Kiosk, str]:
    msisdn: BindParameter[str] = bindparam("msisdn")
    of_agent = kiosks.of_agent(msisdn).with_only_columns(Kiosk.id).scalar_subquery()
    bought = select(Order.buyer_locale).where(Order.buyer_msisdn == msisdn)
    latest = bought.order_by(Order.created_at.desc(), Order.id.desc()).limit(1).scalar_subquery()
    nothing = select(literal(1).label("one")).subquery()
    return (
        select(Artisan, Kiosk, latest)
        .select_from(nothing)
        .outerjoin(Artisan, (Artisan.msisdn == msisdn) & (Artisan.status == "active"))
        .outerjoin(Kiosk, Kiosk.id == of_agent)
        .options(lazyload(Artisan.kiosk))
    )


_OF_PHONE = _statement()  # built once, because every text and call begins with it


def of_phone(shop: Shop, msisdn: str) -> Roles:
    """The roles of a phone, in one statement; the newest kiosk if it is the agent's phone at several."""
    artisan, kiosk, locale = shop.session.execute(_OF_PHONE, {"msisdn": msisdn}).one()
    return Roles(artisan, kiosk, locale)
