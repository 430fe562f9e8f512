"""Kiosks and their agents."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BindParameter, Select, select

from marketplace_api import locks
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.models import Kiosk
from marketplace_api.refused import Refused
from marketplace_api.schemas.kiosks import Kiosk as KioskSchema
from marketplace_api.shop import Shop, add_with_code


def create(shop: Shop, *, name: str, town: str, agent_name: str, agent_msisdn: str) -> Kiosk:
    """Open a kiosk; from now on the agent's phone gets the agent's menu."""
    kiosk = add_with_code(
        shop,
        lambda code: Kiosk(
            id=shop.ids.new_id("ksk"),
            code=code,
            name=name,
            town=town,
            agent_name=agent_name,
            agent_msisdn=agent_msisdn,
            created_at=shop.now,
        ),
    )
    _record_event(shop, kiosk, "kiosk.opened")
    return kiosk


def update(
    shop: Shop,
    kiosk: Kiosk,
    *,
    name: str | None = None,
    town: str | None = None,
    agent_name: str | None = None,
    agent_msisdn: str | None = None,
) -> Kiosk:
    """Change the given fields; a field that is None stays unchanged. `Refused` with `unknown_kiosk`."""
    kiosk = _known(locks.take_one(shop, Kiosk, Kiosk.id == kiosk.id))
    old_agent = kiosk.agent_name, kiosk.agent_msisdn
    changes = {"name": name, "town": town, "agent_name": agent_name, "agent_msisdn": agent_msisdn}
    for column, value in changes.items():
        if value is not None:
            setattr(kiosk, column, value)
    is_agent_new = (kiosk.agent_name, kiosk.agent_msisdn) != old_agent
    _record_event(shop, kiosk, "kiosk.agent_changed" if is_agent_new else "kiosk.updated")
    return kiosk


def list_all(shop: Shop) -> Sequence[Kiosk]:
    """All kiosks, by town and name."""
    return shop.session.scalars(select(Kiosk).order_by(Kiosk.town, Kiosk.name, Kiosk.id)).all()


def in_town(shop: Shop, town: str) -> Kiosk:
    """The oldest kiosk in a town, or `Refused` with `unknown_kiosk`."""
    oldest = select(Kiosk).where(Kiosk.town == town).order_by(Kiosk.created_at, Kiosk.id).limit(1)
    kiosk = shop.session.scalars(oldest).one_or_none()
    if kiosk is None:
        raise Refused("unknown_kiosk", 404)
    return kiosk


def by_id(shop: Shop, kiosk_id: str) -> Kiosk:
    """The kiosk, or `Refused` with `unknown_kiosk`."""
    return _known(shop.session.get(Kiosk, kiosk_id))


def by_agent(shop: Shop, msisdn: str) -> Kiosk | None:
    """The kiosk whose agent has this phone; the newest one if there are several, None if there is none."""
    return shop.session.scalars(of_agent(msisdn)).first()


def of_agent(msisdn: str | BindParameter[str]) -> Select[Kiosk]:
    """The statement that finds the newest kiosk whose agent has this phone."""
    own = select(Kiosk).where(Kiosk.agent_msisdn == msisdn)
    return own.order_by(Kiosk.created_at.desc(), Kiosk.id.desc()).limit(1)


def _known(kiosk: Kiosk | None) -> Kiosk:
    if kiosk is None:
        raise Refused("unknown_kiosk", 404)
    return kiosk


def _record_event(shop: Shop, kiosk: Kiosk, type: EventType) -> None:
    shop.session.flush()
    events.record(shop, type, KioskSchema.of(kiosk))
