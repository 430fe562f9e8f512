"""The audit: checks conditions on the money that must hold at any time.

It checks the ledger itself, and the ledger against the payouts: the amounts that providers are paying, the amounts owed
to artisans, the earnings of the parts of orders, and the purse of every order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Subquery, case, exists, func, literal, select

from marketplace_api.models import (
    Artisan,
    Assignment,
    BuyerPayment,
    DirectPayment,
    LedgerAccount,
    LedgerPosting,
    Order,
    Payout,
    Refund,
)
from marketplace_api.payments import balances, ledger, payouts, purse, refunds
from marketplace_api.payments.money import BY_PHONE, IN_CASH
from marketplace_api.shop import Shop
from marketplace_api.statuses import AssignmentStatus


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """A condition on the money, and a sentence for each inconsistency; there is none if it holds."""

    name: str
    inconsistencies: Sequence[str]


def checks(shop: Shop) -> Sequence[AuditCheck]:
    """All conditions. To see one state of the database, call this in a transaction that reads a snapshot."""
    return [AuditCheck(name, list(find(shop))) for name, find in _CONDITIONS.items()]


def inconsistencies(shop: Shop) -> Iterator[str]:
    """One sentence for each inconsistency; none if everything is consistent."""
    for check in checks(shop):
        yield from check.inconsistencies


def _in_flight(shop: Shop) -> Iterator[str]:
    in_flight = select(func.coalesce(func.sum(Payout.amount), 0)).where(Payout.status.in_(payouts.IN_FLIGHT))
    payouts_sum, ledger_sum = int(shop.session.scalar(in_flight) or 0), -ledger.balance(shop, ledger.PAYOUTS)
    if payouts_sum != ledger_sum:
        yield f"payouts of {payouts_sum} are on their way, and the ledger says {ledger_sum}"


def _owed(shop: Shop) -> Iterator[str]:
    """An artisan is owed the sum of the waiting payouts, plus an amount smaller than the smallest payment."""
    sums, waiting_by_artisan = Counter[str](), balances.amounts_waiting(shop)
    accounts = select(literal(ledger.artisan_account("")) + Artisan.id)
    for account, amount in shop.session.execute(ledger.balance_rows(accounts)):
        sums[account] += int(amount)
    for artisan_id in shop.session.scalars(select(Artisan.id).order_by(Artisan.id)):
        owed, waiting = -sums[ledger.artisan_account(artisan_id)], waiting_by_artisan.get(artisan_id, 0)
        surplus = owed - waiting
        if surplus >= max(BY_PHONE.least, IN_CASH.least):
            yield f"{artisan_id} is owed {owed}, and payouts for only {waiting} wait"
        if surplus < 0:
            yield f"payouts for {waiting} wait for {artisan_id}, who is owed {owed}"


def _earned(shop: Shop) -> Iterator[str]:
    """The commission is the price of all received parts, minus the artisans' earnings from them."""
    received = (
        select(func.coalesce(func.sum(Order.unit_price * Assignment.quantity - Assignment.earns), 0))
        .join(Assignment.order)
        .where(Assignment.status == "received")
    )
    earned, commission = int(shop.session.scalar(received) or 0), -ledger.balance(shop, ledger.COMMISSION)
    if earned != commission:
        yield f"the commission should be {earned} and is {commission}"


def _purses(shop: Shop) -> Iterator[str]:
    """Each purse holds exactly what its order still needs: nothing if it has ended, and never less than nothing."""
    sums = select(LedgerPosting.account, func.sum(LedgerPosting.amount).label("sum")).group_by(LedgerPosting.account)
    purses = sums.where(LedgerPosting.account.like(f"{ledger.PURSE}%")).subquery()
    parts = _pieces_by_order()
    received, accepted = func.coalesce(parts.c.received, 0), func.coalesce(parts.c.accepted, 0)
    still_to_come = case((Order.status == "placed", Order.quantity - received), else_=accepted)
    needed = case(
        (Order.status.in_((*purse.ENDED_UNFULFILLED, *purse.SENT, "unpaid")), 0),
        else_=Order.unit_price * still_to_come + Order.shipping + Order.tax,
    )
    held = -func.coalesce(purses.c.sum, 0)
    name = literal(ledger.PURSE) + Order.id
    rows = (
        select(Order.code, Order.status, held, needed)
        .outerjoin(parts, parts.c.order_id == Order.id)
        .outerjoin(purses, purses.c.account == name)
        .where(held != needed)
    )
    for code, status, holds, amount in shop.session.execute(rows):
        yield f"the purse of order {code} ({status}) holds {holds} and should hold {amount}"
    is_purse = LedgerAccount.name.like(f"{ledger.PURSE}%")
    strays = select(LedgerAccount.name).where(is_purse, ~exists().where(name == LedgerAccount.name))
    yield from (f"{account} belongs to no order" for account in shop.session.scalars(strays))


def _pieces_by_order() -> Subquery:
    """How many pieces of each order are accepted and received."""

    def count(status: AssignmentStatus) -> ColumnElement[int]:
        return func.sum(case((Assignment.status == status, Assignment.quantity), else_=0)).label(status)

    rows = select(Assignment.order_id, count("accepted"), count("received"))
    return rows.group_by(Assignment.order_id).subquery()


def _offers(shop: Shop) -> Iterator[str]:
    """Nothing of an unpaid order is offered."""
    offered = select(Order.code).where(Order.status == "unpaid", Order.assignments.any())
    yield from (f"order {code} is offered and not paid" for code in shop.session.scalars(offered))


def _buyer_payments(shop: Shop) -> Iterator[str]:
    """Of an order at most one captured payment is kept, and every other one goes back whole."""
    given_back = func.coalesce(func.sum(Refund.shop_amount), 0)
    rows = (
        select(BuyerPayment.id, BuyerPayment.shop_amount, given_back)
        .outerjoin(BuyerPayment.refunds)
        .where(BuyerPayment.captured_at.is_not(None))
        .group_by(BuyerPayment.id)
        .having(
            (given_back > BuyerPayment.shop_amount) | (~BuyerPayment.is_kept & (given_back != BuyerPayment.shop_amount))
        )
    )
    for payment_id, amount, back in shop.session.execute(rows):
        yield f"of payment {payment_id} of {amount}, {back} goes back"
    kept = select(BuyerPayment.order_id).where(BuyerPayment.is_kept).group_by(BuyerPayment.order_id)
    twice = kept.having(func.count() > 1)
    yield from (f"order {order_id} keeps several payments" for order_id in shop.session.scalars(twice))


def _refunds(shop: Shop) -> Iterator[str]:
    """What is to go back, and what is going back, is what the ledger says."""
    for account, statuses in ((ledger.REFUNDS, ("due", "failed")), (ledger.REFUNDING, refunds.IN_FLIGHT)):
        summed = select(func.coalesce(func.sum(Refund.shop_amount), 0)).where(Refund.status.in_(statuses))
        rows, posted = int(shop.session.scalar(summed) or 0), -ledger.balance(shop, account)
        if rows != posted:
            yield f"{account} should be {rows} and is {posted}"


def _unmatched(shop: Shop) -> Iterator[str]:
    """Money that came without a prompt, and belongs to no order, is kept until an operator decides."""
    summed = select(func.coalesce(func.sum(DirectPayment.amount), 0)).where(DirectPayment.status == "unmatched")
    rows, posted = int(shop.session.scalar(summed) or 0), -ledger.balance(shop, ledger.UNMATCHED)
    if rows != posted:
        yield f"{ledger.UNMATCHED} should be {rows} and is {posted}"


def _paid_twice(shop: Shop) -> Iterator[str]:
    """Each reference of a provider belongs to one payout."""
    twice = (
        select(Payout.provider, Payout.provider_reference, func.count())
        .where(Payout.provider_reference.is_not(None))
        .group_by(Payout.provider, Payout.provider_reference)
        .having(func.count() > 1)
    )
    for provider, reference, count in shop.session.execute(twice):
        yield f"{provider}'s reference {reference} stands for {count} payouts"


_CONDITIONS: Mapping[str, Callable[[Shop], Iterator[str]]] = {
    "ledger": ledger.inconsistencies,
    "payouts_in_flight": _in_flight,
    "owed_to_artisans": _owed,
    "earned_by_goods": _earned,
    "purses": _purses,
    "offers": _offers,
    "buyer_payments": _buyer_payments,
    "refunds": _refunds,
    "unmatched": _unmatched,
    "references": _paid_twice,
    "paid_to_artisans": balances.wrong_paid_sums,
}
"""By name, how the inconsistencies of each condition are found."""
