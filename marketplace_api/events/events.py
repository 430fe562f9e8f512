"""Events, in the order in which they happened; each is written in the transaction of its change."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from marketplace_api.event_types import EventType
from marketplace_api.models import Event
from marketplace_api.schemas.events import EventResource
from marketplace_api.shop import Shop

_EVENTS_LOCK = 0x534F4B4F  # any number, the same in every process


def record(shop: Shop, type: EventType, resource: EventResource) -> Event:
    """Write the event `type` about `resource`, as the API shows it to operators, and who caused it.

    Call this last in a transaction: on PostgreSQL, transactions that write events wait here for one another until they
    commit. So numbers become visible in order, and a reader with a cursor misses none. SQLite has only one writer.
    """
    if shop.session.get_bind().dialect.name == "postgresql":
        shop.session.execute(select(func.pg_advisory_xact_lock(_EVENTS_LOCK, 0)))
    data = resource.model_dump(mode="json")
    event = Event(id=shop.ids.new_id("evt"), type=type, created_at=shop.now, data=data, by=str(shop.by))
    shop.session.add(event)
    shop.session.flush()
    return event


def since(shop: Shop, cursor: int, limit: int) -> Sequence[Event]:
    """The first `limit` events after the number `cursor`, oldest first; 0 is before the first event."""
    return shop.session.scalars(select(Event).where(Event.seq > cursor).order_by(Event.seq).limit(limit)).all()
