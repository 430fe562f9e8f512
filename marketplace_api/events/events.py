"""Events, in the order in which they happened; each is written in the transaction of its change."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Integer, bindparam, select

from marketplace_api.event_types import EventType
from marketplace_api.models import Event
from marketplace_api.schemas.events import EventResource
from marketplace_api.shop import Shop

# made once, because each worker executes it all the time
_LIMIT = bindparam("most", type_=Integer)
_SINCE = select(Event).where(Event.seq > bindparam("cursor")).order_by(Event.seq).limit(_LIMIT)


def record(shop: Shop, type: EventType, resource: EventResource) -> Event:
    """Write the event `type` about `resource`, as the API shows it to operators, and who caused it.

    Call this last in a transaction: on PostgreSQL, a trigger of the table lets transactions that write events wait for
    one another until they commit. So numbers become visible in order, and a reader with a cursor misses none. SQLite
    has only one writer. Events that are recorded one after another are written by one statement.
    """
    data = resource.model_dump(mode="json")
    event = Event(id=shop.ids.new_id("evt"), type=type, created_at=shop.now, data=data, by=str(shop.by))
    shop.session.add(event)
    return event


def since(shop: Shop, cursor: int, limit: int) -> Sequence[Event]:
    """The first `limit` events after the number `cursor`, oldest first; 0 is before the first event."""
    return shop.session.scalars(_SINCE, {"cursor": cursor, "most": limit}).all()
