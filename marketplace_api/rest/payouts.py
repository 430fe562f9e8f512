"""`/payouts`."""

from __future__ import annotations

from apiflask import APIBlueprint
from sqlalchemy import Select, select

from marketplace_api import models
from marketplace_api.accounts import artisans
from marketplace_api.fields import Body, Id, Line, Moment, Price
from marketplace_api.orders import orders
from marketplace_api.payments import elsewhere, holds, payouts, returns, settlement
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.lists import Page, PageQuery, newest_first
from marketplace_api.schemas.payouts import Payout
from marketplace_api.statuses import PayoutMethod, PayoutStatus

blueprint = APIBlueprint("payouts", __name__, tag="Payouts")


class PayoutIn(Body):
    """A payment that was made by other means; `provider_reference` is the payer's reference."""

    artisan_id: Id
    amount: Price
    provider_reference: Line
    order_id: Id | None = None


class ReturnIn(Body):
    """Why the payment does not count any more."""

    reason: Line


class PayoutQuery(PageQuery):
    """Filters of the list.

    `kiosk` finds payouts that were paid in cash there, `reference` those with a provider's reference. `since` and
    `until` limit `created_at`; `until` itself is not included.
    """

    status: PayoutStatus | None = None
    method: PayoutMethod | None = None
    artisan: Id | None = None
    order: Id | None = None
    kiosk: Id | None = None
    reference: Line | None = None
    since: Moment | None = None
    until: Moment | None = None


@blueprint.post("/payouts")
@requires("money", refusals=(404, 409))
@idempotent
@blueprint.input(PayoutIn)
@blueprint.output(Payout, 201)
def announce_payout(json_data: PayoutIn) -> Payout:
    """Record a payment made elsewhere.

    With `order_id` it settles the payout of exactly this amount that waits for that order. Without it, the payment is
    for something else, and the amount owed to the artisan does not change.
    """
    payout = elsewhere.record_paid_elsewhere(
        shop(),
        artisans.by_id(shop(), json_data.artisan_id),
        json_data.amount.minor_units(),
        json_data.amount.currency,
        json_data.provider_reference,
        orders.by_id(shop(), json_data.order_id) if json_data.order_id else None,
    )
    return Payout.of(payout)


@blueprint.get("/payouts")
@requires("money")
@blueprint.input(PayoutQuery, location="query")
@blueprint.output(Page[Payout])
def list_payouts(query_data: PayoutQuery) -> Page[Payout]:
    """List payouts, newest first."""
    return newest_first(models.Payout, _found(query_data), query_data, Payout.of)


def _found(query: PayoutQuery) -> Select[models.Payout]:
    filters = {
        models.Payout.status: query.status,
        models.Payout.method: query.method,
        models.Payout.artisan_id: query.artisan,
        models.Payout.order_id: query.order,
        models.Payout.kiosk_id: query.kiosk,
        models.Payout.provider_reference: query.reference,
    }
    found = select(models.Payout).where(*[column == value for column, value in filters.items() if value is not None])
    if query.since:
        found = found.where(models.Payout.created_at >= query.since)
    if query.until:
        found = found.where(models.Payout.created_at < query.until)
    return found


@blueprint.get("/payouts/<id:payout_id>")
@requires("money")
@blueprint.output(Payout)
def get_payout(payout_id: str) -> Payout:
    """Show a payout."""
    return Payout.of(payouts.by_id(shop(), payout_id))


@blueprint.post("/payouts/<id:payout_id>/return")
@requires("money", refusals=(409,))
@blueprint.input(ReturnIn)
@blueprint.output(Payout)
def return_payout(payout_id: str, json_data: ReturnIn) -> Payout:
    """Record that a payment came back, or was recorded by mistake; what it was for is owed again.

    A payout for goods is replaced by a new one. In cash, it waits at the kiosk under a new code. By mobile money, it
    waits as `failed` until the artisan gives another phone, or until it is retried.
    """
    return Payout.of(returns.give_back(shop(), payout_id, json_data.reason))


@blueprint.post("/payouts/<id:payout_id>/release")
@requires("money", refusals=(409,))
@blueprint.output(Payout)
def release_payout(payout_id: str) -> Payout:
    """Release a held payout, so that it is paid now."""
    return Payout.of(holds.release(shop(), payout_id))


@blueprint.post("/payouts/<id:payout_id>/retry")
@requires("money", refusals=(409,))
@blueprint.output(Payout)
def retry_payout(payout_id: str) -> Payout:
    """Send a failed payout again."""
    return Payout.of(settlement.retry(shop(), payout_id))
