"""The audit: checks conditions on the money that must hold at any time.

It checks the ledger itself, and the ledger against the payouts: the amounts that providers are paying, the amounts owed
to artisans, and the earnings of the parts of orders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, literal, select

from marketplace_api.models import Artisan, Assignment, Order, Payout
from marketplace_api.payments import balances, ledger, payouts
from marketplace_api.payments.money import BY_PHONE, IN_CASH
from marketplace_api.shop import Shop


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
    """The commission equals the amount that buyers owe for received parts, minus the artisans' earnings from them."""
    received = (
        select(
            func.coalesce(func.sum(Order.unit_price * Assignment.quantity), 0),
            func.coalesce(func.sum(Assignment.earns), 0),
        )
        .join(Assignment.order)
        .where(Assignment.status == "received")
    )
    total, earns = shop.session.execute(received).one()
    for account, amount in ((ledger.BUYERS, total), (ledger.COMMISSION, earns - total)):
        if ledger.balance(shop, account) != amount:
            yield f"{account} should be {amount} and is {ledger.balance(shop, account)}"


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
    "references": _paid_twice,
    "paid_to_artisans": balances.wrong_paid_sums,
}
"""By name, how the inconsistencies of each condition are found."""
