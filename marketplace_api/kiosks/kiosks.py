"""Kiosks and their agents."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from marketplace_api.models import Kiosk
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop, add_with_code


def create(shop: Shop, *, name: str, town: str, agent_name: str, agent_msisdn: str) -> Kiosk:
    """Open a kiosk; from now on the agent's phone gets the agent's menu."""
    return add_with_code(
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


def update(
    shop: Shop,
    kiosk: Kiosk,
    *,
    name: str | None = None,
    town: str | None = None,
    agent_name: str | None = None,
    agent_msisdn: str | None = None,
) -> Kiosk:
    """Change the given fields; a field that is None stays unchanged."""
    changes = {"name": name, "town": town, "agent_name": agent_name, "agent_msisdn": agent_msisdn}
    for column, value in changes.items():
        if value is not None:
            setattr(kiosk, column, value)
    shop.session.flush()
    return kiosk


def list_all(shop: Shop) -> Sequence[Kiosk]:
    """All kiosks, by town and name."""
    return shop.session.scalars(select(Kiosk).order_by(Kiosk.town, Kiosk.name, Kiosk.id)).all()


def by_id(shop: Shop, kiosk_id: str) -> Kiosk:
    """The kiosk, or `Refused` with `unknown_kiosk`."""
    kiosk = shop.session.get(Kiosk, kiosk_id)
    if kiosk is None:
        raise Refused("unknown_kiosk", 404)
    return kiosk


def by_agent(shop: Shop, msisdn: str) -> Kiosk | None:
    """The kiosk whose agent has this phone; the newest one if there are several, None if there is none."""
    return shop.session.scalars(
        select(Kiosk).where(Kiosk.agent_msisdn == msisdn).order_by(Kiosk.created_at.desc(), Kiosk.id.desc()).limit(1)
    ).first()
