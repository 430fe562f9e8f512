"""`/events`: all events, for clients that poll."""

from __future__ import annotations

from apiflask import APIBlueprint

from marketplace_api.events import events
from marketplace_api.fields import LateModel, Limit
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.lists import NumberCursor, Page, as_page
from marketplace_api.schemas.events import Event

blueprint = APIBlueprint("events", __name__, tag="Events")


class EventQuery(LateModel):
    """The page of events to read."""

    limit: Limit = 20
    cursor: NumberCursor | None = None


@blueprint.get("/events")
@requires("bridge")
@blueprint.input(EventQuery, location="query")
@blueprint.output(Page[Event])
def list_events(query_data: EventQuery) -> Page[Event]:
    """List events, oldest first.

    Each page with events has a `next_cursor`, also the last one: keep it and send it later.
    An empty page has none: there are no events after the cursor that you sent.
    """
    (after,) = query_data.cursor or (0,)
    rows = events.since(shop(), after, query_data.limit + 1)
    return as_page(rows, query_data.limit, Event.of, lambda row: (row.seq,), endless=True)
