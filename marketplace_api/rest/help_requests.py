"""`/help-requests`: requests for a call back."""

from __future__ import annotations

from typing import Literal

from apiflask import APIBlueprint
from sqlalchemy import select

from marketplace_api import models
from marketplace_api.accounts import help_requests
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.lists import Page, PageQuery, newest_first
from marketplace_api.schemas.help_requests import HelpRequest

blueprint = APIBlueprint("help_requests", __name__, tag="Help")


class HelpQuery(PageQuery):
    """Filters of the list; an `open` request has no `closed_at`."""

    status: Literal["open", "closed"] | None = None


@blueprint.get("/help-requests")
@requires("operator")
@blueprint.input(HelpQuery, location="query")
@blueprint.output(Page[HelpRequest])
def list_help_requests(query_data: HelpQuery) -> Page[HelpRequest]:
    """List help requests, newest first."""
    found = select(models.HelpRequest)
    if query_data.status:
        is_open = models.HelpRequest.closed_at.is_(None)
        found = found.where(is_open if query_data.status == "open" else ~is_open)
    return newest_first(models.HelpRequest, found, query_data, HelpRequest.of)


@blueprint.post("/help-requests/<id:request_id>/close")
@requires("operator", refusals=(409,))
@blueprint.output(HelpRequest)
def close_help_request(request_id: str) -> HelpRequest:
    """Record that the person was called; a later request of the same person is a new one."""
    return HelpRequest.of(help_requests.close(shop(), request_id))
