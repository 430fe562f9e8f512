"""Events, in the order in which they happened; each is written in the transaction of its change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, bindparam, func, select, tuple_

from marketplace_api.event_order import horizon
from marketplace_api.event_types import EventType
from marketplace_api.models import Event
from marketplace_api.schemas.events import EventResource
from marketplace_api.shop import Shop

# made once, because each worker executes them all the time
_CURSOR = bindparam("cursor", type_=BigInteger)
_XID = select(Event.xid).where(Event.seq <= _CURSOR).order_by(Event.seq.desc()).limit(1).scalar_subquery()
_IS_SETTLED = Event.xid < horizon()
_LIMIT = bindparam("most", type_=Integer)
_LATER: Mapping[str, ColumnElement[bool]] = {
    "postgresql": tuple_(Event.xid, Event.seq) > tuple_(func.coalesce(_XID, 0), _CURSOR),
    # all have the same `xid`; to compare pairs, SQLite would read each of them
    "sqlite": and_(Event.xid == 0, Event.seq > _CURSOR),
}
_SINCE = {
    dialect: select(Event).where(later, _IS_SETTLED).order_by(Event.xid, Event.seq).limit(_LIMIT)
    for dialect, later in _LATER.items()
}
_COUNT = {dialect: select(func.count()).select_from(Event).where(later) for dialect, later in _LATER.items()}
_NEWEST = select(Event.seq).where(_IS_SETTLED).order_by(Event.xid.desc(), Event.seq.desc()).limit(1)


def record(shop: Shop, type: EventType, resource: EventResource) -> Event:
    """Write the event `type` about `resource`, as the API shows it to operators, and who caused it.

    Call this after the transaction has taken its locks: then events about one thing are in the order of its changes.
    Events that are recorded one after another are written by one statement.
    """
    data = resource.model_dump(mode="json")
    event = Event(id=shop.ids.new_id("evt"), type=type, created_at=shop.now, data=data, by=str(shop.by))
    shop.session.add(event)
    return event


def since(shop: Shop, cursor: int, limit: int) -> Sequence[Event]:
    """The first `limit` events after the one with the number `cursor`, oldest first; 0 is before the first event.

    The numbers need not grow: a later event may have a lower one. Events that are not settled yet, because a
    transaction that may write an earlier one is open, are left out; those of the caller's transaction too.
    """
    return shop.session.scalars(_SINCE[_dialect(shop)], {"cursor": cursor, "most": limit}).all()


def count_since(shop: Shop, cursor: int) -> int:
    """How many events there are after the one with the number `cursor`, settled or not."""
    return shop.session.scalars(_COUNT[_dialect(shop)], {"cursor": cursor}).one()


def newest(shop: Shop) -> int:
    """The number of the last settled event; 0 if there is none."""
    return shop.session.scalar(_NEWEST) or 0


def first_unsettled(shop: Shop) -> int:
    """The `xid` below which every event is settled."""
    return shop.session.scalars(select(horizon())).one()


def _dialect(shop: Shop) -> str:
    return shop.session.get_bind().dialect.name
