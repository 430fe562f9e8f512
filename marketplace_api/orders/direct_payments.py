"""Money that comes to our paybill number without a prompt: the payer typed the code of an order, or anything else.

    notice    somebody told us of a receipt, which proves nothing; the collector is queried about it
    settle    the collector's answer: the receipt is that of a prompt, or a new payment of the order, or unmatched
    assign    an operator says which order unmatched money is for
    give_back an operator gave unmatched money back

Each receipt is handled once. Unmatched money is in the account `unmatched`, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from marketplace_api import locks
from marketplace_api.models import BuyerPayment, DirectPayment, Order
from marketplace_api.orders import orders, paying
from marketplace_api.payments import buyer_payments, ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop, insert_new
from marketplace_api.statuses import BuyerPaymentStatus

CERTAINLY_UNPAID: tuple[BuyerPaymentStatus, ...] = ("created", "failed")
"""Statuses of prompts of which the collector has told us that no money came by them."""


def notice(
    shop: Shop, collector: str, receipt: str, account: str, asked: BuyerPayment | None = None
) -> DirectPayment | None:
    """Store a receipt that we were told of, to be queried; None if it is known. The caller commits, then queries.

    `asked` is the payment at whose own address we were told. A receipt of a payment is known.
    """
    if _is_of_payment(shop, collector, receipt):
        return None
    new_id = shop.ids.new_id("dpy")
    values = insert_new(shop.session, DirectPayment).values(
        id=new_id,
        collector=collector,
        receipt=receipt,
        account=account,
        token=shop.ids.token(buyer_payments.TOKEN_LENGTH),
        status="noticed",
        asked_payment_id=asked.id if asked else None,
        created_at=shop.now,
    )
    added = values.returning(DirectPayment.id)
    return shop.session.get(DirectPayment, new_id) if shop.session.scalar(added) else None


def is_known(shop: Shop, collector: str, receipt: str) -> bool:
    """True if the receipt is that of a payment, or was noticed before."""
    of_receipt = DirectPayment.collector == collector, DirectPayment.receipt == receipt
    was_noticed = shop.session.scalar(select(DirectPayment.id).where(*of_receipt)) is not None
    return was_noticed or _is_of_payment(shop, collector, receipt)


def _is_of_payment(shop: Shop, collector: str, receipt: str) -> bool:
    of_payment = BuyerPayment.collector == collector, BuyerPayment.reference == receipt
    return shop.session.scalar(select(BuyerPayment.id).where(*of_payment)) is not None


def by_id(shop: Shop, direct_id: str) -> DirectPayment:
    """The money of a receipt; `Refused` with `unknown_payment`."""
    direct = shop.session.get(DirectPayment, direct_id)
    if direct is None:
        raise Refused("unknown_payment", 404)
    return direct


def by_token(shop: Shop, token: str) -> DirectPayment | None:
    """The receipt whose query named the address with this token."""
    return shop.session.scalars(select(DirectPayment).where(DirectPayment.token == token)).one_or_none()


def in_status(shop: Shop, *statuses: str) -> Sequence[DirectPayment]:
    """All money in these statuses, oldest first."""
    found = select(DirectPayment).where(DirectPayment.status.in_(statuses))
    return shop.session.scalars(found.order_by(DirectPayment.created_at, DirectPayment.id)).all()


def settle(shop: Shop, direct_id: str, amount: int, *, msisdn: str | None, name: str | None) -> DirectPayment:
    """Enter the money of a receipt, of which the collector says that it came: `amount` in the shop's currency.

    A receipt that is settled already is not changed.
    """
    direct = _lock(shop, direct_id)
    if direct.status != "noticed":
        return direct
    direct.amount, direct.msisdn, direct.name, direct.answered_at = amount, msisdn, name, shop.now
    order = _order_of(shop, direct)
    payment = _payment_of(shop, order, direct) if order else None
    if payment is None:
        direct.status = "unmatched"
        shop.session.flush()
        _enter(shop, f"unmatched:{direct.id}", direct, {ledger.UNMATCHED: -amount})
    else:
        direct.status, direct.payment_id = "matched", payment.id
        shop.session.flush()
    return direct


def assign(shop: Shop, direct_id: str, order: Order) -> BuyerPayment:
    """Record that unmatched money is for `order`, as an operator decides.

    It pays for the order if the order waits for this amount; otherwise it goes back whole. `Refused` with
    `money_not_unmatched`.
    """
    direct = _lock_unmatched(shop, direct_id)
    amount = direct.amount or 0
    _enter(shop, f"assigned:{direct.id}", direct, {ledger.UNMATCHED: amount})
    payment = paying.capture_direct(
        shop, order, direct.collector, amount, direct.receipt, msisdn=direct.msisdn, name=direct.name
    )
    direct.status, direct.payment_id = "matched", payment.id
    shop.session.flush()
    return payment


def give_back(shop: Shop, direct_id: str, reference: str) -> DirectPayment:
    """Record that an operator gave unmatched money back at the collector, as `reference`.

    `Refused` with `money_not_unmatched`.
    """
    direct = _lock_unmatched(shop, direct_id)
    _enter(shop, f"unmatched_returned:{direct.id}", direct, {ledger.UNMATCHED: direct.amount or 0})
    direct.status, direct.reference = "returned", reference
    shop.session.flush()
    return direct


def lock_receipt(shop: Shop, collector: str, receipt: str) -> DirectPayment | None:
    """The money of a receipt, locked; None if nobody told us of it. Call it before the order is locked."""
    of_receipt = DirectPayment.collector == collector, DirectPayment.receipt == receipt
    found = shop.session.scalar(select(DirectPayment.id).where(*of_receipt))
    return _lock(shop, found) if found else None


def take_as(shop: Shop, direct: DirectPayment, payment: BuyerPayment, amount: int) -> None:
    """Record that money that was noticed without a prompt is that of a payment with the same receipt.

    `Refused` with `reference_known` if it was another amount, or belongs to another payment or to nobody any more.
    """
    if direct.status == "noticed":
        return  # its answer will find the payment by the receipt
    if direct.status != "unmatched" or direct.amount != amount:
        raise Refused("reference_known", reference=direct.receipt)
    _enter(shop, f"assigned:{direct.id}", direct, {ledger.UNMATCHED: amount})
    direct.status, direct.payment_id = "matched", payment.id
    shop.session.flush()


def _lock(shop: Shop, direct_id: str) -> DirectPayment:
    locks.take_name(shop, f"direct payment {direct_id}")
    direct = by_id(shop, direct_id)
    shop.session.refresh(direct)
    return direct


def _lock_unmatched(shop: Shop, direct_id: str) -> DirectPayment:
    direct = _lock(shop, direct_id)
    if direct.status != "unmatched":
        raise Refused("money_not_unmatched", current=direct.status)
    return direct


def _order_of(shop: Shop, direct: DirectPayment) -> Order | None:
    if direct.asked_payment_id:
        return buyer_payments.by_id(shop, direct.asked_payment_id).order
    return orders.by_code(shop, direct.account)


def _payment_of(shop: Shop, order: Order, direct: DirectPayment) -> BuyerPayment | None:
    """The payment of the order that the money is; None if the order does not cost this amount."""
    amount = direct.amount or 0
    order = paying.lock_with_artisans(shop, order)
    of_order = buyer_payments.of_order(shop, order)
    known = (each for each in of_order if (each.collector, each.reference) == (direct.collector, direct.receipt))
    if payment := next(known, None):
        return payment
    if prompt := _prompt(of_order, direct):
        return paying.settle_captured(shop, prompt.id, direct.receipt, name=direct.name)
    if amount != paying.price_by_phone(order):
        return None
    return paying.capture_direct(
        shop, order, direct.collector, amount, direct.receipt, msisdn=direct.msisdn, name=direct.name
    )


def _prompt(of_order: Sequence[BuyerPayment], direct: DirectPayment) -> BuyerPayment | None:
    """The prompt by which the money came: one whose receipt nobody knows, and by which it may have come.

    The collector answers a query of a prompt without its receipt, and tells of the receipt like one without a prompt.
    So the same money would be taken twice if each counted.
    """
    may_be = [
        payment
        for payment in of_order
        if payment.collector == direct.collector
        and payment.asks
        and payment.reference is None
        and payment.status not in CERTAINLY_UNPAID
        and payment.amount == direct.amount
        and direct.msisdn in (None, payment.msisdn)
    ]
    own = (payment for payment in may_be if payment.id == direct.asked_payment_id)
    captured = (payment for payment in may_be if payment.captured_at)
    return next(own, None) or next(captured, None) or next(iter(may_be), None)


def _enter(shop: Shop, key: str, direct: DirectPayment, postings: dict[str, int]) -> None:
    account = ledger.collector_account(direct.collector)
    ledger.post(shop, key, f"receipt {direct.receipt}", postings | {account: -sum(postings.values())})
