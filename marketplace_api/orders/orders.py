"""Orders, from placed to delivered. One is `unpaid`, and nobody hears of it, until its price is in its purse. Then its
status follows from its parts (assignments):

- `accepted` if every piece is accepted, or if no offer is open and some piece is accepted;
- `at_kiosk` if no accepted part is still expected and some part was received;
- `declined` if no offer is open and nothing was accepted, or if every accepted part was released or refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import ScalarSelect, and_, select
from sqlalchemy.orm import lazyload
from sqlalchemy.orm.attributes import set_committed_value

from marketplace_api import codes, locks
from marketplace_api.catalogue import products
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.lifecycles import ASSIGNMENT, ORDER, ORDER_EVENTS, AssignmentTrigger, OrderTrigger
from marketplace_api.models import Artisan, Assignment, Brief, Order, Product, TimelineEntry
from marketplace_api.orders import pieces
from marketplace_api.payments import buyer_payments, charges, holds, purse
from marketplace_api.refused import Refused
from marketplace_api.schemas.orders import Address
from marketplace_api.schemas.orders import Order as OrderSchema
from marketplace_api.shares import split
from marketplace_api.shop import Shop, add_with_code

OFFER_STANDS = timedelta(hours=48)
"""How long a product is offered to its artisan."""
UNPAID_HOLDS = timedelta(minutes=15)
"""How long pieces are held for an order that is not paid."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order before it is stored: the buyer, the address, and `caller`, the id of the API key that orders.

    `expected_total` is what the buyer was told that it costs, in minor units; None if the buyer was told nothing.
    `vouched` is False for an order that its buyer pays before it is offered. `tax_points` are basis points.
    """

    buyer_name: str
    buyer_msisdn: str
    buyer_locale: str
    ship_to: Address
    caller: str
    note: str | None = None
    external_ref: str | None = None
    expected_total: int | None = None
    vouched: bool = True
    shipping: int = 0
    tax_points: int = 0


def place(shop: Shop, request: NewOrder, product_id: str, quantity: int) -> Order:
    """Reserve `quantity` pieces of a product and offer them to its artisan for `OFFER_STANDS`.

    `Refused` as `products.reserve` and `create` do, and with `own_product` if the artisan would
    pay for it.
    """
    product = products.reserve(shop, product_id, quantity)
    if not request.vouched and product.artisan.has_phone(request.buyer_msisdn):
        raise Refused("own_product", 403)
    return create(shop, request, product, product.price, quantity, [product.artisan], shop.now + OFFER_STANDS)


def create(
    shop: Shop,
    request: NewOrder,
    item: Product | Brief,
    unit_price: int,
    quantity: int,
    artisans: Sequence[Artisan],
    until: datetime,
) -> Order:
    """Create an order at `unit_price` minor units a piece; if it is vouched for, offer it to `artisans` until `until`.

    `Refused` with `price_changed` if it does not cost what the buyer was told.
    """
    shares = split(unit_price, quantity, shop.terms.commission_percent)
    tax = charges.tax(shares.total + request.shipping, request.tax_points)
    total = shares.total + request.shipping + tax
    if (expected := request.expected_total) not in (None, total):
        raise Refused("price_changed", total=total, expected=expected, currency=shop.terms.currency)
    order = add_with_code(
        shop,
        lambda code: Order(
            id=shop.ids.new_id("ord"),
            code=code,
            status="placed" if request.vouched else "unpaid",
            product=item if isinstance(item, Product) else None,
            brief=item if isinstance(item, Brief) else None,
            quantity=quantity,
            unit_price=unit_price,
            commission_percent=shop.terms.commission_percent,
            currency=shop.terms.currency,
            total=total,
            commission=shares.commission,
            artisan_earns=shares.earns,
            shipping=request.shipping,
            tax_points=request.tax_points,
            tax=tax,
            payment_status="vouched" if request.vouched else "unpaid",
            buyer_name=request.buyer_name,
            buyer_msisdn=request.buyer_msisdn,
            buyer_locale=request.buyer_locale,
            ship_to=request.ship_to.model_dump(),
            note=request.note,
            external_ref=request.external_ref,
            placed_by=request.caller,
            created_at=shop.now,
            expires_at=until if request.vouched else shop.now + UNPAID_HOLDS,
            assignments=offers(artisans, quantity, shares.earns) if request.vouched else [],
            timeline=[],
        ),
    )
    if request.vouched:
        purse.vouch(shop, order)
        record_status(shop, order)
    else:
        order.timeline.append(TimelineEntry(status=order.status, at=shop.now, by=str(shop.by)))
        shop.session.flush()
    return order


def offers(artisans: Sequence[Artisan], quantity: int, earns: int) -> list[Assignment]:
    """Parts that offer all pieces to each of these artisans."""
    return [Assignment(artisan=artisan, quantity=quantity, earns=earns, status="offered") for artisan in artisans]


def accept(
    shop: Shop,
    artisan: Artisan,
    code: str,
    quantity: int | None = None,
    promised_on: date | None = None,
    *,
    unsaid_is_all: bool = True,
) -> Assignment:
    """The artisan accepts `quantity` pieces, or all that are left if it is None, and may promise a day.

    Other pieces of a product can be ordered again; those of a brief stay offered to the other artisans. `Refused`
    with `wrong_count`, with `too_late` for a day after the one on which a brief is due, or with `quantity_unsaid` if
    the quantity of a brief is None and does not mean all.
    """
    part = _own_part(shop, artisan, code, "accept")
    order, available = part.order, pieces.left(part.order)
    if quantity is None and order.brief and not unsaid_is_all:
        raise Refused("quantity_unsaid", 422, code=order.code, most=available)
    accepted = available if quantity is None else quantity
    if not 1 <= accepted <= available:
        raise Refused("wrong_count", 422, code=order.code, count=accepted, most=available)
    if promised_on and order.brief and promised_on > order.brief.due_on:
        raise Refused("too_late", code=order.code, due_on=order.brief.due_on.isoformat())
    ASSIGNMENT.move(part, "accept")
    part.promised_on = promised_on
    pieces.resize(part, accepted)
    if order.product_id and accepted < available:
        products.unreserve(shop, order.product_id, available - accepted)
    update_status(shop, order, otherwise="order.part_accepted")
    return part


def decline(shop: Shop, artisan: Artisan, code: str, reason: str = "") -> Assignment:
    """The artisan declines the part; the pieces of a product can be ordered again."""
    return decline_part(shop, _own_part(shop, artisan, code, "decline"), reason)


def decline_part(shop: Shop, part: Assignment, reason: str) -> Assignment:
    """Decline a part as `decline` does; the caller has locked its order."""
    ASSIGNMENT.move(part, "decline")
    part.reason = reason
    update_status(shop, part.order, otherwise="order.part_declined")
    return part


def mark_ready(shop: Shop, artisan: Artisan, code: str) -> Assignment:
    """Record that the artisan's part is made and will be brought to the kiosk. Only the first call sets the time."""
    part = _own_part(shop, artisan, code, "receive")
    if part.ready_at is None:
        part.ready_at = shop.now
        record_event(shop, part.order, "order.ready")
    return part


def release(shop: Shop, artisan: Artisan, code: str) -> Assignment:
    """The artisan gives back the accepted part.

    While the offer of a brief is valid, artisans whose offers were closed because every piece was accepted get them
    again, unless they have left. Nothing goes back into the stock of a product, because the artisan does not have the
    pieces.
    """
    return release_part(shop, _own_part(shop, artisan, code, "release"))


def release_part(shop: Shop, part: Assignment) -> Assignment:
    """Give back a part as `release` does; the caller has locked its order."""
    order = part.order
    ASSIGNMENT.move(part, "release")
    if order.product_id:
        products.take_out(shop, order.product_id, part.quantity)
    passed_over = [other for other in pieces.of_status(order, "passed") if other.artisan.status == "active"]
    # money that went back, because fewer pieces were to come, cannot pay for them any more
    is_whole = order.total - order.shipping - order.tax == order.unit_price * order.quantity
    if order.status == "accepted" and passed_over and shop.now < order.expires_at and is_whole:
        for other in passed_over:
            ASSIGNMENT.move(other, "offer_again")
        ORDER.move(order, "reopen")
        update_money(shop, order)
        record_status(shop, order, "order.reopened")
    else:
        update_status(shop, order, otherwise="order.part_released")
    return part


def cancel(shop: Shop, order: Order) -> Order:
    """The buyer cancels the order; `Refused` with `order_being_made` once a part is accepted."""
    return cancel_locked(shop, lock(shop, order))


def cancel_locked(shop: Shop, order: Order) -> Order:
    """Cancel an order as `cancel` does; the caller has locked it."""
    ORDER.check(order, "cancel")
    if pieces.of_status(order, *pieces.TAKEN):
        raise Refused("order_being_made")
    return _closeoffers(shop, order, "cancel")


def expire(shop: Shop, order: Order) -> Order:
    """Close the open offers. If a part was accepted, the order continues with the accepted parts."""
    order = lock(shop, order)
    ORDER.check(order, "expire")
    return _closeoffers(shop, order, "expire")


def ship(shop: Shop, order: Order, carrier: str, tracking: str) -> Order:
    """Record that the kiosk gave the order to `carrier`, with the tracking number `tracking`."""
    holds.lock_held(shop, order.id)
    order = lock(shop, order)
    ORDER.move(order, "ship")
    purse.enter_shipped(shop, order)
    order.carrier, order.tracking = carrier, tracking
    record_status(shop, order)
    holds.release_shipped(shop, order)
    return order


def deliver(shop: Shop, order: Order) -> Order:
    """Record that the buyer received the order."""
    order = lock(shop, order)
    ORDER.move(order, "deliver")
    record_status(shop, order)
    return order


def by_id(shop: Shop, order_id: str) -> Order:
    """The order, or `Refused` with `unknown_order`."""
    return _known(shop.session.get(Order, order_id))


def by_code(shop: Shop, code: str) -> Order | None:
    """The order with this code, in any case and spacing; None if there is none. Its parts are read when needed."""
    with_code = select(Order).where(Order.code == codes.normalise(code))
    alone = with_code.options(lazyload(Order.assignments), lazyload(Order.timeline))
    return shop.session.scalars(alone).one_or_none()


# -- finding and changing


def lock(shop: Shop, order: Order) -> Order:
    """The order and its parts as they are in the database now, locked until the transaction ends."""
    return _with_its_parts(_known(locks.take_one(shop, Order, Order.id == order.id)))


def lock_by_code(shop: Shop, code: str) -> Order | None:
    """As `lock`, for the order with this code; None if there is none."""
    order = locks.take_one(shop, Order, Order.code == codes.normalise(code))
    return order and _with_its_parts(order)


def lock_after_artisan(shop: Shop, artisan_id: ScalarSelect[str], order_id: ScalarSelect[str]) -> Order | None:
    """As `lock`, after the lock of the artisan; None if there is no such artisan or order."""
    order = locks.take_order_of_artisan(shop, artisan_id, order_id)
    return order and _with_its_parts(order)


def lock_open(shop: Shop, artisan: Artisan) -> Sequence[Order]:
    """Lock the orders in which the artisan has, or can still be offered, a part."""
    is_own = Assignment.artisan_id == artisan.id, Assignment.status.in_(("offered", "accepted", "passed"))
    is_open = Order.status.in_(("placed", "accepted"))
    found = locks.take_all(shop, Order, is_open, Order.assignments.any(and_(*is_own)))
    return [_with_its_parts(order) for order in found]


def update_status(shop: Shop, order: Order, otherwise: EventType | None = None) -> None:
    """Derive the status from the parts; record its event, else `otherwise`, and `order.reduced` if fewer will come."""
    unchanged, total = True, order.total
    while trigger := pieces.next_trigger(order):
        unchanged = False
        for part in pieces.of_status(order, "offered"):
            ASSIGNMENT.move(part, "pass_over")
        _move(shop, order, trigger)
    if unchanged:
        update_money(shop, order)
        is_reduced = order.status == "accepted" and order.total < total
        reduced: Sequence[EventType] = ["order.reduced"] if is_reduced else []
        record_event(shop, order, *([otherwise] if otherwise else []), *reduced)


def record_event(shop: Shop, order: Order, *types: EventType) -> None:
    """Record the events `types` with the order as it is now."""
    shop.session.flush()
    for type in types:
        events.record(shop, type, OrderSchema.of(order))


def _own_part(shop: Shop, artisan: Artisan, code: str, trigger: AssignmentTrigger) -> Assignment:
    """The artisan's part of an order, locked; there must be a transition for `trigger` from its status.

    `Refused` with `unknown_code`, `not_your_order`, or the refusal of the life cycle.
    """
    order = lock_by_code(shop, code)
    if order is None:
        raise Refused("unknown_code", 404, code=code)
    own = [part for part in order.assignments if part.artisan_id == artisan.id]
    if not own:
        raise Refused("not_your_order", 403, code=order.code)
    part = next((part for part in own if ASSIGNMENT.allows(part, trigger)), own[-1])
    ASSIGNMENT.check(part, trigger)
    return part


def _with_its_parts(order: Order) -> Order:
    """The order, to which each of its parts now refers; otherwise the order would be read once more for a part."""
    for part in order.assignments:
        set_committed_value(part, "order", order)
    return order


def _known(order: Order | None) -> Order:
    if order is None:
        raise Refused("unknown_order", 404)
    return order


def _closeoffers(shop: Shop, order: Order, trigger: Literal["cancel", "expire"]) -> Order:
    """Close the open offers; if no part was accepted, the order ends by `trigger`."""
    for part in pieces.of_status(order, "offered"):
        ASSIGNMENT.move(part, trigger)
    if pieces.of_status(order, *pieces.TAKEN):
        update_status(shop, order)
    else:
        _move(shop, order, trigger)
    return order


def _move(shop: Shop, order: Order, trigger: OrderTrigger) -> None:
    nothing_accepted = order.status in ("unpaid", "placed") and trigger != "accept"
    was_unpaid = order.status == "unpaid"
    ORDER.move(order, trigger)
    if nothing_accepted and order.product_id:
        products.unreserve(shop, order.product_id, order.quantity)
    if was_unpaid:
        buyer_payments.drop_unasked(shop, order)
    update_money(shop, order)
    record_status(shop, order)


def update_money(shop: Shop, order: Order) -> None:
    """Set the order's amounts: for all pieces while they are offered, then the sum over the accepted parts.

    What it does not cost any more goes back to who paid.
    """
    taken, before = pieces.taken(order), order.total
    shares = split(order.unit_price, order.quantity, order.commission_percent)
    goods = order.unit_price * sum(part.quantity for part in taken) if taken else shares.total
    order.artisan_earns = sum(part.earns for part in taken) if taken else shares.earns
    order.commission = goods - order.artisan_earns
    order.tax = charges.tax(goods + order.shipping, order.tax_points)
    order.total = goods + order.shipping + order.tax
    costs = 0 if order.status in purse.ENDED_UNFULFILLED and not taken else order.total
    if costs < before and order.payment_status != "unpaid":
        purse.give_back(shop, order, before - costs)


def record_status(shop: Shop, order: Order, *types: EventType) -> None:
    """Add the order's status to its timeline, and record the event of the status, or the events `types`."""
    order.timeline.append(TimelineEntry(status=order.status, at=shop.now, by=str(shop.by)))
    record_event(shop, order, *(types or (ORDER_EVENTS[order.status],)))
