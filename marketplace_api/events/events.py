"""What happened, in the order in which it became true; written in the transaction that made it true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func, select

from marketplace_api.models import Event
from marketplace_api.shop import Shop

_EVENTS_LOCK = 0x534F4B4F  # any number, as long as it is always the same


def record(shop: Shop, type: str, data: dict[str, Any]) -> Event:
    """Write the event `type`, with the whole resource as `data`.

    Record last: on PostgreSQL, writers of events wait here for one another until they commit. Numbers
    are thus visible in their order, and whoever reads by cursor misses none. SQLite has one writer anyway.
    """
    if shop.session.get_bind().dialect.name == "postgresql":
        shop.session.execute(select(func.pg_advisory_xact_lock(_EVENTS_LOCK, 0)))
    event = Event(id=shop.ids.new_id("evt"), type=type, created_at=shop.now, data=data)
    shop.session.add(event)
    shop.session.flush()
    return event


def announce(shop: Shop, type: str, resource: BaseModel) -> Event:
    """Write the event `type` about `resource`, as the API shows it to operators."""
    return record(shop, type, resource.model_dump(mode="json"))


def since(shop: Shop, cursor: int, limit: int) -> Sequence[Event]:
    """The first `limit` events after the number `cursor`, oldest first; 0 is before them all."""
    return shop.session.scalars(select(Event).where(Event.seq > cursor).order_by(Event.seq).limit(limit)).all()
