"""`/orders`. A storefront sees, and acts on, those it placed."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import BaseModel
from sqlalchemy import select

from marketplace_api import models, orders, shapes
from marketplace_api.refused import Refused
from marketplace_api.rest.access import caller, is_operator, requires, shop
from marketplace_api.rest.fields import Country, Id, Line, Locale, Msisdn, Quantity, Text
from marketplace_api.rest.lists import Page, PageQuery, newest_first
from marketplace_api.rest.repeats import repeatable

blueprint = APIBlueprint("orders", __name__, tag="Orders")


class BuyerIn(BaseModel):
    """Who orders; `phone` in E.164 or as dialled in the shop's country."""

    name: Line
    phone: Msisdn
    locale: Locale


class AddressIn(BaseModel):
    """Where it is sent; `country` is ISO 3166 alpha-2."""

    name: Line
    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    postal_code: Line | None = None
    country: Country


class OrderIn(BaseModel):
    """An order for a product."""

    product_id: Id
    quantity: Quantity
    buyer: BuyerIn
    ship_to: AddressIn
    note: Text | None = None
    external_ref: Line | None = None


class ShipmentIn(BaseModel):
    """Who carries the goods, and the number to follow them by."""

    carrier: Line
    tracking: Line


@blueprint.post("/orders")
@requires("storefront", "operator", refusals=(404, 409))
@repeatable
@blueprint.input(OrderIn)
@blueprint.output(shapes.Order, 201)
def place_order(json_data: OrderIn) -> shapes.Order:
    """Place an order; its pieces are reserved while the artisan makes up her mind."""
    order = orders.place(
        shop(),
        product_id=json_data.product_id,
        quantity=json_data.quantity,
        buyer_name=json_data.buyer.name,
        buyer_msisdn=json_data.buyer.phone,
        buyer_locale=json_data.buyer.locale,
        ship_to=json_data.ship_to.model_dump(),
        note=json_data.note,
        external_ref=json_data.external_ref,
        caller=caller().id,
    )
    return shapes.Order.of(order)


@blueprint.get("/orders")
@requires("storefront", "operator")
@blueprint.input(PageQuery, location="query")
@blueprint.output(Page[shapes.Order])
def list_orders(query_data: PageQuery) -> Page[shapes.Order]:
    """List orders, newest first."""
    found = select(models.Order)
    if not is_operator():
        found = found.where(models.Order.placed_by == caller().id)
    return newest_first(models.Order, found, query_data, shapes.Order.of)


@blueprint.get("/orders/<id:order_id>")
@requires("storefront", "operator")
@blueprint.output(shapes.Order)
def get_order(order_id: str) -> shapes.Order:
    """Show an order."""
    return shapes.Order.of(_visible(order_id))


@blueprint.post("/orders/<id:order_id>/cancel")
@requires("storefront", "operator", refusals=(409,))
@blueprint.output(shapes.Order)
def cancel_order(order_id: str) -> shapes.Order:
    """Cancel an order that is not accepted yet."""
    return shapes.Order.of(orders.cancel(shop(), _visible(order_id)))


@blueprint.post("/orders/<id:order_id>/ship")
@requires("storefront", "operator", refusals=(409,))
@blueprint.input(ShipmentIn)
@blueprint.output(shapes.Order)
def ship_order(order_id: str, json_data: ShipmentIn) -> shapes.Order:
    """Say that an order has left its kiosk."""
    return shapes.Order.of(orders.ship(shop(), _visible(order_id), json_data.carrier, json_data.tracking))


@blueprint.post("/orders/<id:order_id>/deliver")
@requires("storefront", "operator", refusals=(409,))
@blueprint.output(shapes.Order)
def deliver_order(order_id: str) -> shapes.Order:
    """Say that an order has reached its buyer."""
    return shapes.Order.of(orders.deliver(shop(), _visible(order_id)))


def _visible(order_id: str) -> models.Order:
    """The order, if the caller may know that there is one."""
    order = orders.by_id(shop(), order_id)
    if not is_operator() and order.placed_by != caller().id:
        raise Refused("unknown_order", 404)
    return order
