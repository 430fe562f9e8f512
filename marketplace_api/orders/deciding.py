"""An operator decides on a payment of which its collector reported something else than was asked for.

    undecided  these payments: nothing is booked for them, and no job changes them any more
    decide     the money came, as the operator has seen in the collector's statement
    dismiss    nothing came, or nothing is left to book

All of the order's price pays for the order, if it waits. Anything else is booked as what came, and goes back whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from marketplace_api.lifecycles import BUYER_PAYMENT
from marketplace_api.models import BuyerPayment
from marketplace_api.orders import direct_payments, paying
from marketplace_api.payments import buyer_payments, ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


def undecided(shop: Shop) -> Sequence[BuyerPayment]:
    """All payments on which an operator must decide, oldest first."""
    found = select(BuyerPayment).where(BuyerPayment.failure == buyer_payments.OTHER_AMOUNT)
    return shop.session.scalars(found.order_by(BuyerPayment.created_at, BuyerPayment.id)).all()


def decide(shop: Shop, payment_id: str, amount: int, reference: str, *, msisdn: str | None = None) -> BuyerPayment:
    """Record that `amount` minor units of the payment's currency came as `reference`, from `msisdn` if it is known.

    What a paybill notice brought in as unmatched money under the same receipt is the same money. `Refused` with
    `payment_decided`, `absurd_amount` or `reference_known`.
    """
    found = buyer_payments.by_id(shop, payment_id)
    direct = direct_payments.lock_receipt(shop, found.collector, reference)
    order = paying.lock_with_artisans(shop, found.order)
    payment = _lock_undecided(shop, payment_id)
    if payment.captured_at is not None:
        raise Refused("payment_decided", current=payment.status)
    if not 0 < amount <= ledger.MAX_AMOUNT:
        raise Refused("absurd_amount", 422, amount=amount)
    if payment.status == "created":  # it was put back, and paid all the same
        BUYER_PAYMENT.move(payment, "ask")
    is_late = payment.status in ("failed", "lapsed")
    is_price = amount == payment.amount
    buyer_payments.set_reference(shop, payment, reference)
    if direct is not None:
        direct_payments.take_as(shop, direct, payment, amount)
    if not is_price:
        payment.shop_amount = max(1, payment.shop_amount * amount // payment.amount)
        payment.amount = amount
    payment.msisdn = msisdn or payment.msisdn
    payment.failure, payment.detail = None, None
    BUYER_PAYMENT.move(payment, "late" if is_late else "settle")
    paying.capture(shop, order, payment, keep=is_price and order.status == "unpaid" and not is_late)
    return payment


def dismiss(shop: Shop, payment_id: str, why: str) -> BuyerPayment:
    """Record that there is nothing to book, and `why`; a payment that was not captured has lapsed.

    `Refused` with `payment_decided`.
    """
    payment = _lock_undecided(shop, payment_id)
    payment.failure, payment.detail = None, why
    if payment.status in buyer_payments.OPEN:
        buyer_payments.lapse(shop, payment.id)
    shop.session.flush()
    return payment


def _lock_undecided(shop: Shop, payment_id: str) -> BuyerPayment:
    payment = buyer_payments.lock(shop, payment_id)
    if payment.failure != buyer_payments.OTHER_AMOUNT:
        raise Refused("payment_decided", current=payment.status)
    return payment
