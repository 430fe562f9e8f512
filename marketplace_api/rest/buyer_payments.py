"""`/payments` and `/refunds`: how buyers pay for orders, and what goes back. A storefront sees those of its orders."""

from __future__ import annotations

from typing import TypeVar

from apiflask import APIBlueprint
from sqlalchemy import Select, select

from marketplace_api import models
from marketplace_api.fields import Body, Id, Line, Price
from marketplace_api.orders import orders, paying, placing
from marketplace_api.orders.placing import PaymentIn
from marketplace_api.payments import buyer_payments, refunds
from marketplace_api.refused import Refused
from marketplace_api.rest.access import caller, requires, sees_all, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.lists import Page, PageQuery, newest_first
from marketplace_api.rest.orders import visible
from marketplace_api.schemas.buyer_payments import BuyerPayment, Refund
from marketplace_api.statuses import BuyerPaymentStatus, RefundStatus

blueprint = APIBlueprint("payments", __name__, tag="Payments")

OfOrder = TypeVar("OfOrder", models.BuyerPayment, models.Refund)


class BuyerPaymentQuery(PageQuery):
    """Filters of the list."""

    status: BuyerPaymentStatus | None = None
    order: Id | None = None


class RefundQuery(PageQuery):
    """Filters of the list."""

    status: RefundStatus | None = None
    order: Id | None = None


class AnnouncementIn(Body):
    """Money that arrived: all of the order's price, its reference, and by what means, such as `bank`."""

    amount: Price
    reference: Line
    method: Line


class RefundIn(Body):
    """How much goes back, in the shop's currency, and why."""

    amount: Price
    reason: Line


@blueprint.get("/orders/<id:order_id>/payments")
@requires("storefront", "orders")
@blueprint.input(PageQuery, location="query")
@blueprint.output(Page[BuyerPayment])
def list_payments_of_order(order_id: str, query_data: PageQuery) -> Page[BuyerPayment]:
    """List the payments of an order, newest first."""
    of_order = select(models.BuyerPayment).where(models.BuyerPayment.order_id == visible(order_id).id)
    return newest_first(models.BuyerPayment, of_order, query_data, BuyerPayment.of)


@blueprint.post("/orders/<id:order_id>/payments")
@requires("storefront", "orders", refusals=(409,))
@idempotent
@blueprint.input(PaymentIn)
@blueprint.output(BuyerPayment, 201)
def pay_for_order(order_id: str, json_data: PaymentIn) -> BuyerPayment:
    """Pay for an unpaid order, after an earlier payment has failed or its time is over.

    The buyer is asked, or the storefront that placed the order vouches for it, which is captured at once.
    """
    return BuyerPayment.of(placing.try_again(shop(), visible(order_id), json_data))


@blueprint.post("/orders/<id:order_id>/payments/announce")
@requires("orders", refusals=(409,))
@idempotent
@blueprint.input(AnnouncementIn)
@blueprint.output(BuyerPayment, 201)
def announce_payment(order_id: str, json_data: AnnouncementIn) -> BuyerPayment:
    """Record that the price of an unpaid order arrived in our account; the order is then offered to its artisan."""
    payment = paying.announce(
        shop(),
        orders.by_id(shop(), order_id),
        json_data.amount.minor_units(),
        json_data.reference,
        means=json_data.method,
    )
    return BuyerPayment.of(payment)


@blueprint.get("/payments")
@requires("storefront", "orders", "money")
@blueprint.input(BuyerPaymentQuery, location="query")
@blueprint.output(Page[BuyerPayment])
def list_payments(query_data: BuyerPaymentQuery) -> Page[BuyerPayment]:
    """List payments of buyers, newest first."""
    return newest_first(models.BuyerPayment, _found(models.BuyerPayment, query_data), query_data, BuyerPayment.of)


@blueprint.get("/payments/<id:payment_id>")
@requires("storefront", "orders", "money")
@blueprint.output(BuyerPayment)
def get_payment(payment_id: str) -> BuyerPayment:
    """Show a payment of a buyer."""
    payment = buyer_payments.by_id(shop(), payment_id)
    if not _sees(payment.order):
        raise Refused("unknown_payment", 404)
    return BuyerPayment.of(payment)


@blueprint.post("/payments/<id:payment_id>/refund")
@requires("orders", "money", refusals=(409,))
@idempotent
@blueprint.input(RefundIn)
@blueprint.output(Refund, 201)
def refund_payment(payment_id: str, json_data: RefundIn) -> Refund:
    """Give back a payment, or a part of it, at our own cost: the artisan still earns what the order says."""
    amount = json_data.amount.minor_units()
    return Refund.of(paying.give_back(shop(), payment_id, amount, json_data.reason))


@blueprint.get("/refunds")
@requires("storefront", "orders", "money")
@blueprint.input(RefundQuery, location="query")
@blueprint.output(Page[Refund])
def list_refunds(query_data: RefundQuery) -> Page[Refund]:
    """List refunds, newest first."""
    return newest_first(models.Refund, _found(models.Refund, query_data), query_data, Refund.of)


@blueprint.get("/refunds/<id:refund_id>")
@requires("storefront", "orders", "money")
@blueprint.output(Refund)
def get_refund(refund_id: str) -> Refund:
    """Show a refund."""
    refund = refunds.by_id(shop(), refund_id)
    if not _sees(refund.payment.order):
        raise Refused("unknown_refund", 404)
    return Refund.of(refund)


@blueprint.post("/refunds/<id:refund_id>/retry")
@requires("orders", "money", refusals=(409,))
@blueprint.output(Refund)
def retry_refund(refund_id: str) -> Refund:
    """Give back a failed refund again."""
    return Refund.of(refunds.retry(shop(), refund_id))


def _sees(order: models.Order) -> bool:
    return sees_all("orders", "money") or order.placed_by == caller().id


def _found(model: type[OfOrder], query: BuyerPaymentQuery | RefundQuery) -> Select[OfOrder]:
    filters = {model.status: query.status, model.order_id: query.order}
    found = select(model).where(*[column == value for column, value in filters.items() if value is not None])
    if sees_all("orders", "money"):
        return found
    return found.where(model.order_id.in_(select(models.Order.id).where(models.Order.placed_by == caller().id)))
