"""Orders, from placed to delivered. What becomes of one follows from its parts:

it is accepted when nothing of it is left to take, or nobody is left to ask; at the kiosk when all that was accepted has
come; declined when nothing was taken, or nothing will come any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import selectinload

from marketplace_api import codes
from marketplace_api.catalogue import products
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.lifecycles import ASSIGNMENT, ORDER, AssignmentTrigger, OrderTrigger
from marketplace_api.models import Artisan, Assignment, Brief, Kiosk, Order, Product, TimelineEntry
from marketplace_api.payments.money import split
from marketplace_api.refused import Refused
from marketplace_api.schemas.orders import Address
from marketplace_api.schemas.orders import Order as OrderSchema
from marketplace_api.shop import Shop, add_with_code
from marketplace_api.statuses import AssignmentStatus, OrderStatus

OFFER_STANDS = timedelta(hours=48)
TAKEN: tuple[AssignmentStatus, ...] = ("accepted", "received")

_STATUS_EVENTS: Mapping[OrderStatus, EventType] = {
    "placed": "order.placed",
    "accepted": "order.accepted",
    "at_kiosk": "order.at_kiosk",
    "shipped": "order.shipped",
    "delivered": "order.delivered",
    "declined": "order.declined",
    "expired": "order.expired",
    "cancelled": "order.cancelled",
}
_SCREENFULS = 100  # more than anybody pages through on a phone


@dataclass(frozen=True, slots=True)
class NewOrder:
    """Who orders, where it goes, and by whose key (`caller`)."""

    buyer_name: str
    buyer_msisdn: str
    buyer_locale: str
    ship_to: Address
    caller: str
    note: str | None = None
    external_ref: str | None = None


def place(shop: Shop, request: NewOrder, product_id: str, quantity: int) -> Order:
    """Order `quantity` pieces, which are reserved, and offer them to their artisan for `OFFER_STANDS`."""
    product = products.reserve(shop, product_id, quantity)
    return create(shop, request, product, product.price, quantity, [product.artisan], shop.now + OFFER_STANDS)


def create(
    shop: Shop,
    request: NewOrder,
    ware: Product | Brief,
    unit_price: int,
    quantity: int,
    artisans: Sequence[Artisan],
    until: datetime,
) -> Order:
    """Create an order of `ware` at `unit_price` minor units each, and offer it to `artisans` until then."""
    shares = split(unit_price, quantity, shop.terms.commission_percent)
    offers = [
        Assignment(artisan=artisan, quantity=quantity, earns=shares.earns, status="offered") for artisan in artisans
    ]
    order = add_with_code(
        shop,
        lambda code: Order(
            id=shop.ids.new_id("ord"),
            code=code,
            status="placed",
            product=ware if isinstance(ware, Product) else None,
            brief=ware if isinstance(ware, Brief) else None,
            quantity=quantity,
            unit_price=unit_price,
            commission_percent=shop.terms.commission_percent,
            currency=shop.terms.currency,
            total=shares.total,
            commission=shares.commission,
            artisan_earns=shares.earns,
            buyer_name=request.buyer_name,
            buyer_msisdn=request.buyer_msisdn,
            buyer_locale=request.buyer_locale,
            ship_to=request.ship_to.model_dump(),
            note=request.note,
            external_ref=request.external_ref,
            placed_by=request.caller,
            created_at=shop.now,
            expires_at=until,
            assignments=offers,
        ),
    )
    _tell(shop, order)
    return order


# -- what an artisan says


def accept(
    shop: Shop, artisan: Artisan, code: str, quantity: int | None = None, promised_on: date | None = None
) -> Assignment:
    """She makes `quantity` pieces, or all that are left, and brings them by the day she promises.

    Of a product the rest goes back into the stock; of a brief it stays offered to the others.
    """
    part = _hers(shop, artisan, code, "accept")
    order, most = part.order, pieces_left(part.order)
    accepted = most if quantity is None else quantity
    if not 1 <= accepted <= most:
        raise Refused("wrong_count", 422, code=order.code, count=accepted, most=most)
    if promised_on and order.brief and promised_on > order.brief.due_on:
        raise Refused("too_late", code=order.code, due_on=order.brief.due_on.isoformat())
    ASSIGNMENT.move(part, "accept")
    part.promised_on = promised_on
    resize(part, accepted)
    if order.product_id and accepted < most:
        products.restock(shop, order.product_id, most - accepted)
    update_status(shop, order, otherwise="order.part_accepted")
    return part


def decline(shop: Shop, artisan: Artisan, code: str, reason: str = "") -> Assignment:
    """She does not make it; pieces of a product can be ordered again."""
    part = _hers(shop, artisan, code, "decline")
    ASSIGNMENT.move(part, "decline")
    part.reason = reason
    update_status(shop, part.order, otherwise="order.part_declined")
    return part


def mark_ready(shop: Shop, artisan: Artisan, code: str) -> Assignment:
    """Her part is made, and comes to the kiosk next; said again, it stays ready since the first time."""
    part = _hers(shop, artisan, code, "receive")
    if part.ready_at is None:
        part.ready_at = shop.now
        record_event(shop, part.order, "order.ready")
    return part


def release(shop: Shop, artisan: Artisan, code: str) -> Assignment:
    """She cannot make after all what she accepted.

    As long as a brief may be offered, those who came too late for a part of it are asked again. Nothing goes back into
    the stock of a product: she has just said that she has none.
    """
    part = _hers(shop, artisan, code, "release")
    order = part.order
    ASSIGNMENT.move(part, "release")
    too_late = _parts(order, "passed")
    if order.status == "accepted" and too_late and shop.now < order.expires_at:
        for other in too_late:
            ASSIGNMENT.move(other, "offer_again")
        ORDER.move(order, "reopen")
        _reckon(order)
        _tell(shop, order, "order.reopened")
    else:
        update_status(shop, order, otherwise="order.part_released")
    return part


# -- how it ends


def cancel(shop: Shop, order: Order) -> Order:
    """The buyer does not want it any more; possible until somebody makes a part of it."""
    lock(shop, order)
    ORDER.check(order, "cancel")
    if _parts(order, *TAKEN):
        raise Refused("order_being_made")
    return _close(shop, order, "cancel")


def expire(shop: Shop, order: Order) -> Order:
    """Nobody is asked any longer; what was accepted is made."""
    lock(shop, order)
    ORDER.check(order, "expire")
    return _close(shop, order, "expire")


def ship(shop: Shop, order: Order, carrier: str, tracking: str) -> Order:
    """The kiosk has handed it to `carrier`, who follows it as `tracking`."""
    ORDER.move(lock(shop, order), "ship")
    order.carrier, order.tracking = carrier, tracking
    _tell(shop, order)
    return order


def deliver(shop: Shop, order: Order) -> Order:
    """The buyer has it."""
    ORDER.move(lock(shop, order), "deliver")
    _tell(shop, order)
    return order


# -- found


def by_id(shop: Shop, order_id: str) -> Order:
    """The order, or `Refused` with `unknown_order`."""
    order = shop.session.get(Order, order_id)
    if order is None:
        raise Refused("unknown_order", 404)
    return order


def by_code(shop: Shop, code: str) -> Order | None:
    """The order with this code, however it was typed."""
    return shop.session.scalars(select(Order).where(Order.code == codes.normalise(code))).one_or_none()


def parts_of(shop: Shop, artisan: Artisan, status: Literal["offered", "accepted"]) -> Sequence[Assignment]:
    """Hers that wait for her yes or no, or that she is making, oldest first."""
    hers = select(Assignment).where(Assignment.artisan_id == artisan.id, Assignment.status == status)
    oldest_first = hers.join(Assignment.order).order_by(Order.created_at, Order.id, Assignment.id)
    # an order read with its part does not bring its other parts by itself
    with_orders = oldest_first.options(selectinload(Assignment.order).selectinload(Order.assignments))
    return shop.session.scalars(with_orders.limit(_SCREENFULS)).all()


def received_at_kiosk(shop: Shop, kiosk: Kiosk) -> Sequence[Order]:
    """Those received at this kiosk and not yet shipped, oldest first."""
    here = select(Order).where(Order.kiosk_id == kiosk.id, Order.status == "at_kiosk")
    return shop.session.scalars(here.order_by(Order.created_at, Order.id).limit(_SCREENFULS)).all()


def of_buyer(shop: Shop, msisdn: str) -> Sequence[Order]:
    """A buyer's last orders, newest first."""
    hers: Select[Order] = select(Order).where(Order.buyer_msisdn == msisdn)
    return shop.session.scalars(hers.order_by(Order.created_at.desc(), Order.id.desc()).limit(_SCREENFULS)).all()


# -- how it moves


def pieces_left(order: Order) -> int:
    """How many pieces nobody has taken yet."""
    return order.quantity - sum(part.quantity for part in _parts(order, *TAKEN))


def piece_count(order: Order) -> int:
    """How many pieces the order is of: those asked for, and once it is accepted those taken."""
    return sum(part.quantity for part in _taken(order)) or order.quantity


def lock(shop: Shop, order: Order) -> Order:
    """The same order and its parts as they are now, nobody else changing them until we commit."""
    shop.session.refresh(order, with_for_update={"of": Order})
    return order


def resize(part: Assignment, quantity: int) -> None:
    """The part is of `quantity` pieces from now on, and earns as much."""
    part.quantity = quantity
    part.earns = split(part.order.unit_price, quantity, part.order.commission_percent).earns


def update_status(shop: Shop, order: Order, otherwise: EventType | None = None) -> None:
    """Bring the order to where its parts are, and tell of it; of the event `otherwise` when it stays where it is."""
    stays = True
    while trigger := _due(order):
        stays = False
        for part in _parts(order, "offered"):
            ASSIGNMENT.move(part, "pass_over")
        _move(shop, order, trigger)
    if stays:
        _reckon(order)
        if otherwise:
            record_event(shop, order, otherwise)


def record_event(shop: Shop, order: Order, type: EventType) -> None:
    """Write the event `type` about the order as it is now."""
    shop.session.flush()
    events.record(shop, type, OrderSchema.of(order))


def _hers(shop: Shop, artisan: Artisan, code: str, trigger: AssignmentTrigger) -> Assignment:
    """Her part of an order, which `trigger` must be able to move."""
    order = by_code(shop, code)
    if order is None:
        raise Refused("unknown_code", 404, code=code)
    hers = [part for part in lock(shop, order).assignments if part.artisan_id == artisan.id]
    if not hers:
        raise Refused("not_your_order", 403, code=order.code)
    part = next((part for part in hers if ASSIGNMENT.allows(part, trigger)), hers[-1])
    ASSIGNMENT.check(part, trigger)
    return part


def _parts(order: Order, *statuses: AssignmentStatus) -> list[Assignment]:
    return [part for part in order.assignments if part.status in statuses]


def _taken(order: Order) -> list[Assignment]:
    """The parts that the order is made of once it is offered no longer."""
    return _parts(order, *TAKEN) if order.status != "placed" else []


def _due(order: Order) -> OrderTrigger | None:
    """The step that its parts have the order take next."""
    if order.status == "placed" and not (pieces_left(order) and _parts(order, "offered")):
        return "accept" if _parts(order, *TAKEN) else "decline"
    if order.status == "accepted" and not _parts(order, "accepted"):
        return "receive" if _parts(order, "received") else "give_up"
    return None


def _close(shop: Shop, order: Order, trigger: Literal["cancel", "expire"]) -> Order:
    """Ask nobody any longer; the order ends by `trigger` unless somebody makes a part of it."""
    for part in _parts(order, "offered"):
        ASSIGNMENT.move(part, trigger)
    if _parts(order, *TAKEN):
        update_status(shop, order)
    else:
        _move(shop, order, trigger)
    return order


def _move(shop: Shop, order: Order, trigger: OrderTrigger) -> None:
    nobody_asked_has_begun = order.status == "placed" and trigger != "accept"
    ORDER.move(order, trigger)
    if nobody_asked_has_begun and order.product_id:
        products.restock(shop, order.product_id, order.quantity)
    _reckon(order)
    _tell(shop, order)


def _reckon(order: Order) -> None:
    """The order's money: of all pieces while they are offered, then of those taken, each part rounded by itself."""
    taken = _taken(order)
    shares = split(order.unit_price, order.quantity, order.commission_percent)
    order.total = order.unit_price * sum(part.quantity for part in taken) if taken else shares.total
    order.artisan_earns = sum(part.earns for part in taken) if taken else shares.earns
    order.commission = order.total - order.artisan_earns


def _tell(shop: Shop, order: Order, type: EventType | None = None) -> None:
    """Write the status the order has come to into its timeline and the events."""
    order.timeline.append(TimelineEntry(status=order.status, at=shop.now))
    record_event(shop, order, type or _STATUS_EVENTS[order.status])
