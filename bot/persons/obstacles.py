"""Why a person cannot be erased yet: money that is owed, orders that are open, work as an agent."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import or_, select

from marketplace_api.lifecycles import ORDER
from marketplace_api.models import Artisan, Assignment, BuyerPayment, Kiosk, Order, Refund
from marketplace_api.payments import balances, refunds
from marketplace_api.shop import Shop


def find(shop: Shop, msisdn: str) -> Iterator[str]:
    """Each reason as a sentence; none if the person can be erased now."""
    session = shop.session
    artisan = session.scalars(select(Artisan).where(Artisan.msisdn == msisdn)).one_or_none()
    if artisan is not None:
        yield from _of_artisan(shop, artisan)
    bought = (
        select(Order).where(Order.buyer_msisdn == msisdn, Order.status.not_in(ORDER.final)).order_by(Order.created_at)
    )
    if codes := [order.code for order in session.scalars(bought)]:
        yield f"This person has ordered, and the order is still open: {', '.join(codes)}."
    refunds_open = (
        select(Refund)
        .join(Refund.payment)
        .join(BuyerPayment.order)
        .where(Refund.status.in_(refunds.OPEN), or_(Order.buyer_msisdn == msisdn, BuyerPayment.msisdn == msisdn))
    )
    if session.scalars(refunds_open.limit(1)).first():
        yield "Money that this person paid is going back and has not arrived yet."
    for kiosk in session.scalars(select(Kiosk).where(Kiosk.agent_msisdn == msisdn)):
        yield f"This person is the agent of kiosk {kiosk.code}. Give the kiosk another agent first."
    paid_here = select(Artisan).where(
        Artisan.payout_msisdn == msisdn, Artisan.msisdn != msisdn, Artisan.status == "active"
    )
    for other in session.scalars(paid_here):
        yield f"The artisan {other.id} is paid on this phone, and has to choose another one first."


def _of_artisan(shop: Shop, artisan: Artisan) -> Iterator[str]:
    if balances.amounts_owed(shop, [artisan.id])[artisan.id] > 0 or balances.has_open_payouts(shop, artisan):
        yield "This artisan is owed money."
    parts = select(Order).join(Assignment).where(Assignment.artisan_id == artisan.id)
    accepted = parts.where(Assignment.status == "accepted")
    offered = parts.where(Assignment.status == "offered", Order.product_id.is_not(None))
    if codes := sorted({order.code for query in (accepted, offered) for order in shop.session.scalars(query)}):
        yield f"This artisan has open orders: {', '.join(codes)}."
