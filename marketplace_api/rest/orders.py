"""`/orders`. A storefront sees and changes only the orders that it placed."""

from __future__ import annotations

from apiflask import APIBlueprint
from sqlalchemy import Select, select

from marketplace_api import models
from marketplace_api.fields import (
    Body,
    Id,
    Line,
)
from marketplace_api.orders import closing, orders, placing
from marketplace_api.orders.placing import AnyOrderIn
from marketplace_api.refused import Refused
from marketplace_api.rest.access import caller, requires, sees_all, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.lists import Page, PageQuery, newest_first
from marketplace_api.schemas.orders import Order
from marketplace_api.statuses import OrderStatus

blueprint = APIBlueprint("orders", __name__, tag="Orders")


class OrderQuery(PageQuery):
    """Filters of the list; `artisan` finds orders with a part that was offered to this artisan."""

    status: OrderStatus | None = None
    external_ref: Line | None = None
    artisan: Id | None = None


class ShipmentIn(Body):
    """The carrier and the tracking number."""

    carrier: Line
    tracking: Line


class VoidIn(Body):
    """Why the order ends."""

    reason: Line


@blueprint.post("/orders")
@requires("storefront", "orders", refusals=(404, 409))
@idempotent
@blueprint.input(AnyOrderIn)
@blueprint.output(Order, 201)
def place_order(json_data: AnyOrderIn) -> Order:
    """Place an order.

    Pieces of a product are reserved until its artisan answers. With `brief` in place of `product_id` and `quantity`,
    the order is offered to many artisans, who each accept a part until all pieces are accepted.
    """
    return Order.of(placing.place(shop(), caller().id, json_data))


@blueprint.get("/orders")
@requires("storefront", "orders")
@blueprint.input(OrderQuery, location="query")
@blueprint.output(Page[Order])
def list_orders(query_data: OrderQuery) -> Page[Order]:
    """List orders, newest first."""
    return newest_first(models.Order, _found(query_data), query_data, Order.of)


def _found(query: OrderQuery) -> Select[models.Order]:
    found = select(models.Order)
    if not sees_all("orders"):
        found = found.where(models.Order.placed_by == caller().id)
    if query.status:
        found = found.where(models.Order.status == query.status)
    if query.external_ref:
        found = found.where(models.Order.external_ref == query.external_ref)
    if query.artisan:
        of_artisan = select(models.Assignment.order_id).where(models.Assignment.artisan_id == query.artisan)
        found = found.where(models.Order.id.in_(of_artisan))
    return found


@blueprint.get("/orders/<id:order_id>")
@requires("storefront", "orders")
@blueprint.output(Order)
def get_order(order_id: str) -> Order:
    """Show an order."""
    return Order.of(visible(order_id))


@blueprint.post("/orders/<id:order_id>/cancel")
@requires("storefront", "orders", refusals=(409,))
@blueprint.output(Order)
def cancel_order(order_id: str) -> Order:
    """Cancel an order that is not accepted yet."""
    return Order.of(orders.cancel(shop(), visible(order_id)))


@blueprint.post("/orders/<id:order_id>/ship")
@requires("storefront", "orders", refusals=(409,))
@blueprint.input(ShipmentIn)
@blueprint.output(Order)
def ship_order(order_id: str, json_data: ShipmentIn) -> Order:
    """Record that an order has left its kiosk."""
    return Order.of(orders.ship(shop(), visible(order_id), json_data.carrier, json_data.tracking))


@blueprint.post("/orders/<id:order_id>/deliver")
@requires("storefront", "orders", refusals=(409,))
@blueprint.output(Order)
def deliver_order(order_id: str) -> Order:
    """Record that an order has reached its buyer."""
    return Order.of(orders.deliver(shop(), visible(order_id)))


@blueprint.post("/orders/<id:order_id>/void")
@requires("orders", refusals=(409,))
@blueprint.input(VoidIn)
@blueprint.output(Order)
def void_order(order_id: str, json_data: VoidIn) -> Order:
    """End an order that is accepted, at its kiosk or shipped, such as one that is never brought or was lost.

    Open parts are released. What artisans have earned by goods received stays theirs.
    """
    return Order.of(closing.void(shop(), orders.by_id(shop(), order_id), json_data.reason))


def visible(order_id: str) -> models.Order:
    """The order, if the caller may see it; otherwise `Refused` with `unknown_order`."""
    order = orders.by_id(shop(), order_id)
    if not sees_all("orders") and order.placed_by != caller().id:
        raise Refused("unknown_order", 404)
    return order
