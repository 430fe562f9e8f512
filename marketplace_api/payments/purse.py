"""The purse of an order: an account in which the order's money waits until it is earned, shipped or given back.

    vouch, capture  ──>  purse  ──> artisan and commission, when goods are received
                                ──> carriers and tax, when the order is shipped
                                ──> back, when it costs less than it did or ends

An artisan is offered nothing, and paid for nothing, whose price is not in the purse. A purse is never below zero, and
it is empty when its order has ended. The caller of each function has locked the order.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from marketplace_api.models import Assignment, BuyerPayment, Order
from marketplace_api.payments import ledger, refunds
from marketplace_api.shop import Shop
from marketplace_api.statuses import OrderStatus

ENDED_UNFULFILLED: tuple[OrderStatus, ...] = ("declined", "expired", "cancelled")
"""Statuses of orders that have ended and of which no more goods will come."""
SENT: tuple[OrderStatus, ...] = ("shipped", "delivered")


# -- money comes in


def vouch(shop: Shop, order: Order) -> None:
    """Enter that the storefront that placed the order owes us its price."""
    postings = {ledger.storefront_account(order.placed_by): order.total, ledger.purse(order.id): -order.total}
    ledger.open_accounts(shop, postings)
    ledger.post(shop, f"vouched:{order.id}", f"order {order.code}", postings, order.currency)


def capture(shop: Shop, order: Order, payment: BuyerPayment) -> None:
    """Enter that the buyer paid.

    In another currency than the shop's these are two entries, because an entry has one currency: one for what the
    collector holds, and one for what it is worth in the purse.
    """
    holder = ledger.BANK if payment.method == "operator" else ledger.collector_account(payment.collector)
    note, worth = f"payment of {order.code}", {ledger.purse(order.id): -payment.shop_amount}
    if payment.currency == order.currency:
        rounding = payment.shop_amount - payment.amount
        postings = {holder: payment.amount, **worth, ledger.ROUNDING: rounding}
        _append(shop, f"captured:{payment.id}", note, postings, order.currency)
        return
    held = ledger.in_currency(holder, payment.currency)
    exchanged = ledger.in_currency(ledger.FX, payment.currency)
    postings = {held: payment.amount, exchanged: -payment.amount}
    _append(shop, f"captured:{payment.id}", note, postings, payment.currency)
    _append(shop, f"exchanged:{payment.id}", note, {ledger.FX: payment.shop_amount, **worth}, order.currency)


def _append(shop: Shop, key: str, note: str, postings: Mapping[str, int], currency: str) -> None:
    """Write an entry under a key that is certainly new, and before it open its accounts: the purse is new."""
    lines = {account: amount for account, amount in postings.items() if amount}
    ledger.open_accounts(shop, lines, currency)
    ledger.append(shop, key, note, lines, currency)


# -- money goes out


def enter_earned(shop: Shop, part: Assignment) -> None:
    """Enter what the artisan and the marketplace have earned by the received goods of a part."""
    order, total = part.order, part.order.unit_price * part.quantity
    purse = ledger.purse(order.id)
    postings = {
        purse: total,
        ledger.artisan_account(part.artisan_id): -part.earns,
        ledger.COMMISSION: part.earns - total,
    }
    ledger.post(shop, f"earned:{part.id}", f"goods received of {order.code}", postings, order.currency, floor=purse)


def enter_shipped(shop: Shop, order: Order) -> None:
    """Enter that the order's shipping and tax are used; an order that is shipped free of both has no entry."""
    if used := order.shipping + order.tax:
        purse = ledger.purse(order.id)
        postings = {purse: used, ledger.CARRIERS: -order.shipping, ledger.TAX: -order.tax}
        ledger.post(shop, f"shipped:{order.id}", f"order {order.code}", postings, order.currency, floor=purse)


def give_back(shop: Shop, order: Order, rest: int) -> None:
    """Give back `rest` minor units of the shop's currency, which the order does not need any more.

    The storefront that vouched gets a credit note, a buyer who paid gets a refund.
    """
    payment = kept_payment(shop, order)
    if payment is None:
        _credit(shop, order, ledger.storefront_account(order.placed_by), rest)
        return
    # an operator may have given a part back already, at our own loss
    due = min(rest, payment.shop_amount - refunds.given_back(payment))
    if due:
        refunds.create(shop, payment, due, "ended" if order.status in ENDED_UNFULFILLED else "reduced")
    if rest > due:
        _credit(shop, order, ledger.LOSSES, rest - due)


def _credit(shop: Shop, order: Order, account: str, amount: int) -> None:
    """Move money that is in the purse to who is owed it, once for each total: an order's total never grows."""
    ended, purse = order.status in ENDED_UNFULFILLED, ledger.purse(order.id)
    key = f"credit:{order.id}:{account}:{order.status if ended else order.total}"
    ledger.append(shop, key, f"less of {order.code}", {purse: amount, account: -amount}, floor=purse)


# -- reading


def held(shop: Shop, order: Order) -> int:
    """The money in the purse, in minor units of the shop's currency."""
    return -ledger.balance(shop, ledger.purse(order.id))


def needed(order: Order) -> int:
    """The money that must be in the purse, in minor units: for the goods that are still to come, shipping and tax."""
    if order.status in (*ENDED_UNFULFILLED, *SENT, "unpaid"):
        return 0
    received = sum(part.quantity for part in order.assignments if part.status == "received")
    expected = sum(part.quantity for part in order.assignments if part.status == "accepted")
    pieces = order.quantity - received if order.status == "placed" else expected
    return order.unit_price * pieces + order.shipping + order.tax


def kept_payment(shop: Shop, order: Order) -> BuyerPayment | None:
    """The captured payment that pays for the order; None if a storefront vouches for it, or nobody has paid."""
    if order.payment_status in ("vouched", "unpaid"):
        return None
    return shop.session.scalars(
        select(BuyerPayment).where(BuyerPayment.order_id == order.id, BuyerPayment.is_kept)
    ).one_or_none()
