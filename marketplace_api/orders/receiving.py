"""Receives goods at the kiosk: they are counted, checked, and accepted or rejected."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from marketplace_api import codes, locks
from marketplace_api.events import events
from marketplace_api.lifecycles import ASSIGNMENT
from marketplace_api.models import Artisan, Assignment, Brief, Kiosk, Order
from marketplace_api.orders import orders
from marketplace_api.payments import due
from marketplace_api.refused import Refused
from marketplace_api.schemas.payouts import Payout
from marketplace_api.shop import Shop


def receive(
    shop: Shop, kiosk: Kiosk, part_id: int, count: int, *, refused: int = 0, reason: str = "", follows: bool = False
) -> Assignment:
    """Receive `count` good pieces of a part; the artisan is owed for them.

    `refused` pieces were rejected for `reason` and went back to the artisan. If `follows`, the artisan will bring the
    other pieces, and they become a new part; otherwise the buyer pays only for the received pieces. Nothing goes back
    into the stock, because the missing pieces do not exist. `Refused` with `unknown_part`, `other_kiosk`,
    `order_not_expected` or `wrong_count`.
    """
    part = _expected_part(shop, kiosk, part_id)
    brought = count + refused
    if count < 0 or refused < 0 or not 1 <= brought <= part.quantity:
        raise Refused("wrong_count", 422, code=part.order.code, count=brought, most=part.quantity)
    if refused:
        part.refused, part.reason = part.refused + refused, reason
    if count:
        _accept_pieces(shop, kiosk, part, count, follows)
    elif not follows:
        ASSIGNMENT.move(part, "refuse")
    created = due.create_due_payouts(shop, part) if count else []
    orders.update_status(shop, part.order, otherwise="order.part_received" if count else None)
    if refused:
        orders.record_event(shop, part.order, "order.goods_refused")
    for payout in created:
        events.record(shop, "payout.created", Payout.of(payout))
    return part


def expected_parts(shop: Shop, kiosk: Kiosk, code: str | None = None) -> Sequence[Assignment]:
    """The accepted parts that will be brought to this kiosk, of one order or of all, oldest order first."""
    parts = (
        select(Assignment)
        .join(Assignment.order)
        .join(Assignment.artisan)
        .outerjoin(Order.brief)
        .where(Assignment.status == "accepted", func.coalesce(Brief.kiosk_id, Artisan.kiosk_id) == kiosk.id)
        .order_by(Order.created_at, Order.id, Assignment.id)
    )
    if code is not None:
        parts = parts.where(Order.code == codes.normalise(code))
    return shop.session.scalars(parts).all()


def _expected_part(shop: Shop, kiosk: Kiosk, part_id: int) -> Assignment:
    """The part under the locks of its artisan and its order."""
    part = shop.session.get(Assignment, part_id)
    if part is None:
        raise Refused("unknown_part", 404)
    locks.take_one(shop, Artisan, Artisan.id == part.artisan_id)
    orders.lock(shop, part.order)
    ASSIGNMENT.check(part, "receive")
    if part.kiosk.id != kiosk.id:
        raise Refused("other_kiosk", code=part.order.code, kiosk=part.kiosk.name)
    return part


def _accept_pieces(shop: Shop, kiosk: Kiosk, part: Assignment, count: int, follows: bool) -> None:
    missing = part.quantity - count
    ASSIGNMENT.move(part, "receive")
    orders.resize(part, count)
    part.received_at, part.order.kiosk_id = shop.now, kiosk.id
    if missing and follows:
        remainder = Assignment(artisan=part.artisan, status="accepted", promised_on=part.promised_on)
        part.order.assignments.append(remainder)
        orders.resize(remainder, missing)
