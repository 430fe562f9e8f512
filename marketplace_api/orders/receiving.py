"""Receives goods at the kiosk: they are counted, checked, and accepted or rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, SQLColumnExpression, Subquery, func, select, union_all
from sqlalchemy.orm import contains_eager, lazyload

from marketplace_api import codes
from marketplace_api.catalogue import products
from marketplace_api.events import events
from marketplace_api.lifecycles import ASSIGNMENT
from marketplace_api.models import Artisan, Assignment, Brief, Kiosk, Order
from marketplace_api.orders import orders, pieces
from marketplace_api.orders.lists import MOST_LISTED
from marketplace_api.payments import due
from marketplace_api.refused import Refused
from marketplace_api.schemas.payouts import Payout
from marketplace_api.shop import Shop


@dataclass(frozen=True, slots=True)
class ExpectedParts:
    """How many parts a kiosk expects, and how many of them are made."""

    all: int
    ready: int


def receive(
    shop: Shop, kiosk: Kiosk, part_id: int, count: int, *, refused: int = 0, reason: str = "", follows: bool = False
) -> Assignment:
    """Receive `count` good pieces of a part; the artisan is owed for them.

    `refused` pieces were rejected for `reason` and went back to the artisan. If `follows`, the artisan will bring the
    other pieces, and they become a new part; otherwise the buyer pays only for the received pieces. Nothing goes back
    into the stock, because the missing pieces do not exist. `Refused` with `unknown_part`, `other_kiosk`,
    `order_not_expected`, `wrong_count`, or `own_goods` if the kiosk's agent made them.
    """
    part = _expected_part(shop, kiosk, part_id)
    if part.artisan.has_phone(kiosk.agent_msisdn):
        raise Refused("own_goods", 403)
    brought = count + refused
    if count < 0 or refused < 0 or not 1 <= brought <= part.quantity:
        raise Refused("wrong_count", 422, code=part.order.code, count=brought, most=part.quantity)
    if refused:
        part.refused, part.reason = part.refused + refused, reason
    if count:
        _accept_pieces(shop, kiosk, part, count, follows)
    elif not follows:
        _take_out(shop, part, part.quantity)
        ASSIGNMENT.move(part, "refuse")
    created = due.create_due_payouts(shop, part) if count else []
    if count:
        part.order.kiosk_id = kiosk.id  # written with the status that follows
    orders.update_status(shop, part.order, otherwise="order.part_received" if count else None)
    if refused:
        orders.record_event(shop, part.order, "order.goods_refused")
    for payout in created:
        events.record(shop, "payout.created", Payout.of(payout))
    return part


def expected_parts(shop: Shop, kiosk: Kiosk, code: str | None = None) -> Sequence[Assignment]:
    """The accepted parts that will be brought to this kiosk, oldest order first: of one order, or the first of all."""
    parts = select(Assignment).join(Assignment.order).order_by(Order.created_at, Order.id, Assignment.id)
    if code is None:
        parts = parts.join(first := _first_expected(kiosk), first.c.id == Assignment.id)
    else:
        parts = parts.join(Assignment.artisan).outerjoin(Order.brief)
        is_for_kiosk = func.coalesce(Brief.kiosk_id, Artisan.kiosk_id) == kiosk.id
        parts = parts.where(Order.code == codes.normalise(code), Assignment.status == "accepted", is_for_kiosk)
    order_alone = contains_eager(Assignment.order).options(lazyload(Order.assignments), lazyload(Order.timeline))
    return shop.session.scalars(parts.options(order_alone)).all()


def count_expected(shop: Shop, kiosk: Kiosk) -> ExpectedParts:
    """How many parts will be brought to this kiosk."""
    counts = _expected(kiosk, func.count().label("all"), func.count(Assignment.ready_at).label("ready")).subquery()
    row = shop.session.execute(select(func.sum(counts.c.all), func.sum(counts.c.ready))).one()
    return ExpectedParts(*map(int, row))


def received_at_kiosk(shop: Shop, kiosk: Kiosk) -> Sequence[Order]:
    """Orders that were received at this kiosk and not shipped yet, oldest first."""
    at_kiosk = select(Order).where(*_waits_at(kiosk)).options(lazyload(Order.timeline))
    return shop.session.scalars(at_kiosk.order_by(Order.created_at, Order.id).limit(MOST_LISTED)).all()


def count_received_at_kiosk(shop: Shop, kiosk: Kiosk) -> int:
    """How many orders were received at this kiosk and not shipped yet."""
    return shop.session.scalar(select(func.count()).select_from(Order).where(*_waits_at(kiosk))) or 0


def _waits_at(kiosk: Kiosk) -> tuple[ColumnElement[bool], ...]:
    """Condition: received at this kiosk and not shipped yet."""
    return Order.kiosk_id == kiosk.id, Order.status == "at_kiosk"


def _expected(kiosk: Kiosk, *columns: SQLColumnExpression[Any]) -> CompoundSelect[Any]:
    """Two rows or sets of rows: of the accepted parts of the kiosk's artisans, and of those of the kiosk's own briefs.

    They begin with the kiosk's artisans and briefs; a join may begin with all accepted parts of the shop.
    """
    parts = select(*columns).select_from(Assignment)
    artisans = select(Artisan.id).where(Artisan.kiosk_id == kiosk.id)
    of_artisans = parts.where(Assignment.status == "accepted", Assignment.artisan_id.in_(artisans))
    of_artisans = of_artisans.outerjoin(Brief, Brief.order_id == Assignment.order_id).where(Brief.kiosk_id.is_(None))
    briefs = select(Brief.order_id).where(Brief.kiosk_id == kiosk.id)
    # with `coalesce`, only the index by order fits
    is_accepted = func.coalesce(Assignment.status, "") == "accepted"
    return union_all(of_artisans, parts.where(Assignment.order_id.in_(briefs), is_accepted))


def _first_expected(kiosk: Kiosk) -> Subquery:
    """The ids of the first `MOST_LISTED` of these parts, oldest order first.

    The limit is inside: PostgreSQL tries no order of many joins, and would join all parts of all orders before it.
    """
    parts = _expected(kiosk, Assignment.id, Assignment.order_id).subquery()
    ids = select(parts.c.id).join(Order, Order.id == parts.c.order_id)
    return ids.order_by(Order.created_at, Order.id, parts.c.id).limit(MOST_LISTED).subquery()


def _expected_part(shop: Shop, kiosk: Kiosk, part_id: int) -> Assignment:
    """The part under the locks of its artisan and its order."""
    artisan_id, order_id = (
        select(column).where(Assignment.id == part_id).scalar_subquery()
        for column in (Assignment.artisan_id, Assignment.order_id)
    )
    order = orders.lock_after_artisan(shop, artisan_id, order_id)
    if order is None:
        raise Refused("unknown_part", 404)
    part = next(part for part in order.assignments if part.id == part_id)
    ASSIGNMENT.check(part, "receive")
    if part.kiosk.id != kiosk.id:
        raise Refused("other_kiosk", code=part.order.code, kiosk=part.kiosk.name)
    return part


def _take_out(shop: Shop, part: Assignment, quantity: int) -> None:
    """Take pieces of a product out of the stock, also those that are missing: they do not exist."""
    if part.order.product_id:
        products.take_out(shop, part.order.product_id, quantity)


def _accept_pieces(shop: Shop, kiosk: Kiosk, part: Assignment, count: int, follows: bool) -> None:
    missing = part.quantity - count
    _take_out(shop, part, count if follows else part.quantity)
    ASSIGNMENT.move(part, "receive")
    pieces.resize(part, count)
    part.received_at, part.received_by = shop.now, kiosk.id
    if missing and follows:
        remainder = Assignment(artisan=part.artisan, status="accepted", promised_on=part.promised_on)
        part.order.assignments.append(remainder)
        pieces.resize(remainder, missing)
