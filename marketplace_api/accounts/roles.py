"""What a phone is in the shop: an artisan's, a kiosk agent's, both or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ScalarSelect, Select, bindparam, literal, select
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


def _latest_locale(msisdn: BindParameter[str]) -> ScalarSelect[str]:
    bought = select(Order.buyer_locale).where(Order.buyer_msisdn == msisdn)
    return bought.order_by(Order.created_at.desc(), Order.id.desc()).limit(1).scalar_subquery()


def _in_roles(columns: Any, msisdn: BindParameter[str]) -> Any:
    """The statement that finds these columns of the artisan and the kiosk of a phone, in one row."""
    of_agent = kiosks.of_agent(msisdn).with_only_columns(Kiosk.id).scalar_subquery()
    nothing = select(literal(1).label("one")).subquery()
    return (
        columns.select_from(nothing)
        .outerjoin(Artisan, (Artisan.msisdn == msisdn) & (Artisan.status == "active"))
        .outerjoin(Kiosk, Kiosk.id == of_agent)
    )


def names_of_phone(msisdn: BindParameter[str]) -> Select[str, str, str, str]:
    """One row: the name of the artisan, the agent's name and the kiosk's, and the locale, as in `Roles`; else NULL."""
    agent, locale = Kiosk.agent_name.label("agent"), _latest_locale(msisdn).label("locale")
    names = select(Artisan.name.label("artisan"), agent, Kiosk.name.label("kiosk"), locale)
    return _in_roles(names, msisdn)  # type: ignore[no-any-return]


def _statement() -> Select[Artisan, Kiosk, str]:
    msisdn: BindParameter[str] = bindparam("msisdn")
    roles = _in_roles(select(Artisan, Kiosk, _latest_locale(msisdn)), msisdn)
    return roles.options(lazyload(Artisan.kiosk))  # type: ignore[no-any-return]


_OF_PHONE = _statement()  # built once, because every text and call begins with it


def of_phone(shop: Shop, msisdn: str) -> Roles:
    """The roles of a phone, in one statement; the newest kiosk if it is the agent's phone at several."""
    artisan, kiosk, locale = shop.session.execute(_OF_PHONE, {"msisdn": msisdn}).one()
    return Roles(artisan, kiosk, locale)
