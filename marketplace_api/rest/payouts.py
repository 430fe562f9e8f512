"""`/payouts`."""

from __future__ import annotations

from apiflask import APIBlueprint
from sqlalchemy import select

from marketplace_api import models, payouts, shapes
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.lists import Page, PageQuery, newest_first

blueprint = APIBlueprint("payouts", __name__, tag="Payouts")


@blueprint.get("/payouts")
@requires("operator")
@blueprint.input(PageQuery, location="query")
@blueprint.output(Page[shapes.Payout])
def list_payouts(query_data: PageQuery) -> Page[shapes.Payout]:
    """List payouts, newest first."""
    return newest_first(models.Payout, select(models.Payout), query_data, shapes.Payout.of)


@blueprint.get("/payouts/<id:payout_id>")
@requires("operator")
@blueprint.output(shapes.Payout)
def get_payout(payout_id: str) -> shapes.Payout:
    """Show a payout."""
    return shapes.Payout.of(payouts.by_id(shop(), payout_id))


@blueprint.post("/payouts/<id:payout_id>/retry")
@requires("operator", refusals=(409,))
@blueprint.output(shapes.Payout)
def retry_payout(payout_id: str) -> shapes.Payout:
    """Send a failed payout again."""
    return shapes.Payout.of(payouts.retry(shop(), payout_id))
