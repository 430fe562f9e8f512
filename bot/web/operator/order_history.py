"""An order's history: statuses, money, goods, texts, and what operators did, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.web.formats import price
from marketplace_api.accounts import operators
from marketplace_api.models import BuyerPayment, Kiosk, Order, Payout, Refund
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop
from state import messages

MOST_TEXTS = 200


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened: `by` is who caused it, where that is known."""

    at: datetime
    what: str
    by: str | None = None
    words: str = ""


def of_order(shop: Shop, order: Order) -> Sequence[Happened]:
    """Everything, oldest first."""
    found = [*_statuses(order), *_parts(shop, order), *_money(shop, order), *_texts(shop, order), *_acts(shop, order)]
    return sorted(found, key=lambda each: each.at)


def _statuses(order: Order) -> Iterator[Happened]:
    for entry in order.timeline:
        yield Happened(entry.at, f"The order is {entry.status.replace('_', ' ')}", entry.by)


def _parts(shop: Shop, order: Order) -> Iterator[Happened]:
    for part in order.assignments:
        pieces = f"{part.quantity} of {part.artisan.name}"
        if part.ready_at:
            yield Happened(part.ready_at, f"{pieces} are ready")
        if part.received_at:
            kiosk = shop.session.get(Kiosk, part.received_by) if part.received_by else None
            yield Happened(part.received_at, f"{pieces} came to {kiosk.name if kiosk else 'the kiosk'}")


def _money(shop: Shop, order: Order) -> Iterator[Happened]:
    of_order = select(BuyerPayment).where(BuyerPayment.order_id == order.id)
    for payment in shop.session.scalars(of_order):
        amount, method = _price(payment.amount, payment.currency), payment.method
        yield Happened(payment.created_at, f"A payment of {amount} by {method} began; it is {payment.status} now")
        if payment.captured_at:
            receipt = f", receipt {payment.reference}" if payment.reference else ""
            yield Happened(payment.captured_at, f"{amount} came{receipt}")
    for refund in shop.session.scalars(select(Refund).where(Refund.order_id == order.id)):
        amount = _price(refund.amount, refund.currency)
        yield Happened(refund.created_at, f"{amount} is to go back to the buyer; it is {refund.status} now")
        if refund.done_at:
            yield Happened(refund.done_at, f"{amount} went back to the buyer")
    for payout in shop.session.scalars(select(Payout).where(Payout.order_id == order.id)):
        amount = f"{_price(payout.amount, payout.currency)} for {payout.artisan.name}"
        yield Happened(payout.created_at, f"A payout of {amount} became due; it is {payout.status} now")
        if payout.paid_at:
            yield Happened(payout.paid_at, f"{amount} was paid")


def _price(amount: int, currency: str) -> str:
    return price(Money(amount=amount, currency=currency))


def _texts(shop: Shop, order: Order) -> Iterator[Happened]:
    people = {part.artisan.msisdn: part.artisan.name for part in order.assignments}
    people |= {part.kiosk.agent_msisdn: part.kiosk.agent_name for part in order.assignments}
    people |= {order.buyer_msisdn: order.buyer_name}
    conn = shop.session.connection()
    for text in messages.about(conn, order.id, people, order.created_at, MOST_TEXTS):
        yield Happened(text.created_at, f"A text to {people[text.msisdn]}: {text.status}", words=text.text)


def _acts(shop: Shop, order: Order) -> Iterator[Happened]:
    for act in operators.acts_about(shop, order.id):
        yield Happened(act.at, f"An operator did this: {act.act}", act.by, str((act.after or {}).get("reason", "")))
