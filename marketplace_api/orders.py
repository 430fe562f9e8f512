"""Orders, from placed to delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, select

from marketplace_api import codes, events, payouts, products, shapes
from marketplace_api.lifecycles import ASSIGNMENT, ORDER
from marketplace_api.models import Artisan, Assignment, Kiosk, Order, TimelineEntry
from marketplace_api.money import split
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop, add_coded

OFFER_STANDS = timedelta(hours=48)

_SCREENFULS = 100  # more than anybody pages through on a phone


def place(
    shop: Shop,
    *,
    product_id: str,
    quantity: int,
    buyer_name: str,
    buyer_msisdn: str,
    buyer_locale: str,
    ship_to: dict[str, Any],
    note: str | None,
    external_ref: str | None,
    caller: str,
) -> Order:
    """Order `quantity` pieces, which are reserved, and offer them to their artisan for `OFFER_STANDS`."""
    product = products.reserve(shop, product_id, quantity)
    shares = split(product.price, quantity, shop.terms.commission_percent)
    order = add_coded(
        shop,
        lambda code: Order(
            id=shop.ids.new_id("ord"),
            code=code,
            status="placed",
            product=product,
            quantity=quantity,
            unit_price=product.price,
            commission_percent=shop.terms.commission_percent,
            currency=product.currency,
            total=shares.total,
            commission=shares.commission,
            artisan_earns=shares.earns,
            buyer_name=buyer_name,
            buyer_msisdn=buyer_msisdn,
            buyer_locale=buyer_locale,
            ship_to=ship_to,
            note=note,
            external_ref=external_ref,
            placed_by=caller,
            created_at=shop.now,
            expires_at=shop.now + OFFER_STANDS,
            assignments=[Assignment(artisan=product.artisan, quantity=quantity, status="offered", reason="")],
        ),
    )
    _tell(shop, order)
    return order


def accept(shop: Shop, artisan: Artisan, code: str, quantity: int | None = None) -> Order:
    """She makes `quantity` pieces, or all of them; the rest goes back into the stock."""
    order, part = _hers(shop, artisan, code)
    ORDER.check(order, "accept")
    offered = part.quantity
    accepted = _count(order, offered if quantity is None else quantity, offered)
    _move(order, [part], "accept")
    _shrink(order, part, accepted)
    if accepted < offered:
        products.give_back(shop, order.product_id, offered - accepted)
    _tell(shop, order)
    return order


def decline(shop: Shop, artisan: Artisan, code: str, reason: str = "") -> Order:
    """She does not make it; the pieces can be ordered again."""
    order, part = _hers(shop, artisan, code)
    ORDER.check(order, "decline")
    part.reason = reason
    return _close(shop, order, "decline")


def say_ready(shop: Shop, artisan: Artisan, code: str) -> Order:
    """Her part is made, and comes to the kiosk next; said again, it stays ready since the first time."""
    order, part = _hers(shop, artisan, code)
    ASSIGNMENT.check(part, "receive")
    if part.ready_at is None:
        part.ready_at = shop.now
        shop.session.flush()
        events.announce(shop, "order.ready", shapes.Order.of(order))
    return order


def cancel(shop: Shop, order: Order) -> Order:
    """The buyer does not want it any more; possible until it is accepted."""
    return _close(shop, _held(shop, order), "cancel")


def expire(shop: Shop, order: Order) -> Order:
    """Nobody answered in time."""
    return _close(shop, _held(shop, order), "expire")


def receive_goods(shop: Shop, kiosk: Kiosk, code: str, count: int) -> Order:
    """`count` pieces have come to the artisan's kiosk; her payout for them is due.

    Fewer than she accepted lower what the buyer pays and she earns; they do not go back into the
    stock, since nobody has them.
    """
    order = _by_code_held(shop, code)
    ORDER.check(order, "receive")
    part = _accepted_part(order)
    if part.artisan.kiosk_id != kiosk.id:
        raise Refused("other_kiosk", code=order.code, kiosk=part.artisan.kiosk.name)
    received = _count(order, count, part.quantity)
    _move(order, [part], "receive")
    _shrink(order, part, received)
    order.kiosk_id = kiosk.id
    payout = payouts.fall_due(shop, order, part.artisan)
    _tell(shop, order)
    events.announce(shop, "payout.created", shapes.Payout.of(payout))
    return order


def ship(shop: Shop, order: Order, carrier: str, tracking: str) -> Order:
    """The kiosk has handed it to `carrier`, who follows it as `tracking`."""
    _move(_held(shop, order), [], "ship")
    order.carrier, order.tracking = carrier, tracking
    _tell(shop, order)
    return order


def deliver(shop: Shop, order: Order) -> Order:
    """The buyer has it."""
    _move(_held(shop, order), [], "deliver")
    _tell(shop, order)
    return order


def by_id(shop: Shop, order_id: str) -> Order:
    """The order, or `Refused` with `unknown_order`."""
    order = shop.session.get(Order, order_id)
    if order is None:
        raise Refused("unknown_order", 404)
    return order


def by_code(shop: Shop, code: str) -> Order | None:
    """The order with this code, however it was typed."""
    return shop.session.scalars(select(Order).where(Order.code == codes.normalise(code))).one_or_none()


def open_for(shop: Shop, artisan: Artisan) -> Sequence[Order]:
    """Those that wait for her yes or no, oldest first."""
    return _oldest_first(shop, _of_artisan(artisan, "offered"))


def accepted_for(shop: Shop, artisan: Artisan) -> Sequence[Order]:
    """Those she is making, oldest first."""
    return _oldest_first(shop, _of_artisan(artisan, "accepted"))


def expected_at(shop: Shop, kiosk: Kiosk) -> Sequence[Order]:
    """Those accepted by artisans of this kiosk and not yet received, oldest first."""
    return _oldest_first(
        shop,
        select(Order)
        .join(Order.assignments)
        .join(Assignment.artisan)
        .where(Artisan.kiosk_id == kiosk.id, Assignment.status == "accepted"),
    )


def at_kiosk(shop: Shop, kiosk: Kiosk) -> Sequence[Order]:
    """Those received at this kiosk and not yet shipped, oldest first."""
    return _oldest_first(shop, select(Order).where(Order.kiosk_id == kiosk.id, Order.status == "at_kiosk"))


def of_buyer(shop: Shop, msisdn: str) -> Sequence[Order]:
    """A buyer's last orders, newest first."""
    return shop.session.scalars(
        select(Order)
        .where(Order.buyer_msisdn == msisdn)
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(_SCREENFULS)
    ).all()


def _of_artisan(artisan: Artisan, status: shapes.AssignmentStatus) -> Select[Order]:
    return select(Order).join(Order.assignments).where(Assignment.artisan_id == artisan.id, Assignment.status == status)


def _oldest_first(shop: Shop, found: Select[Order]) -> Sequence[Order]:
    return shop.session.scalars(found.order_by(Order.created_at, Order.id).limit(_SCREENFULS)).all()


def _held(shop: Shop, order: Order) -> Order:
    """The same order as it is now, nobody else changing it until we commit."""
    shop.session.refresh(order, with_for_update={"of": Order})
    return order


def _by_code_held(shop: Shop, code: str) -> Order:
    order = by_code(shop, code)
    if order is None:
        raise Refused("unknown_code", 404, code=code)
    return _held(shop, order)


def _hers(shop: Shop, artisan: Artisan, code: str) -> tuple[Order, Assignment]:
    order = _by_code_held(shop, code)
    for part in order.assignments:
        if part.artisan_id == artisan.id:
            return order, part
    raise Refused("not_your_order", 403, code=order.code)


def _accepted_part(order: Order) -> Assignment:
    return next(part for part in order.assignments if part.status == "accepted")


def _count(order: Order, count: int, most: int) -> int:
    if not 1 <= count <= most:
        raise Refused("wrong_count", 422, code=order.code, count=count, most=most)
    return count


def _move(order: Order, parts: Sequence[Assignment], trigger: str) -> None:
    """Move the order, and the parts that move with it."""
    ORDER.move(order, trigger)
    for part in parts:
        ASSIGNMENT.move(part, trigger)


def _close(shop: Shop, order: Order, trigger: str) -> Order:
    """End an order that nobody accepted, and give its pieces back."""
    _move(order, order.assignments, trigger)
    products.give_back(shop, order.product_id, order.quantity)
    _tell(shop, order)
    return order


def _shrink(order: Order, part: Assignment, quantity: int) -> None:
    """From now on the order's money is that of `quantity` pieces."""
    part.quantity = quantity
    shares = split(order.unit_price, quantity, order.commission_percent)
    order.total, order.commission, order.artisan_earns = shares.total, shares.commission, shares.earns


def _tell(shop: Shop, order: Order) -> None:
    """Write the status the order has come to into its timeline and the events."""
    order.timeline.append(TimelineEntry(status=order.status, at=shop.now))
    shop.session.flush()
    events.announce(shop, f"order.{order.status}", shapes.Order.of(order))
