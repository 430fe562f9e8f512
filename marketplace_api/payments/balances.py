"""Sums over payouts: the amounts owed and paid to artisans, and the number of payouts in each status.

What an artisan was paid is a stored sum (`PaidSum`) and the payouts that were paid after it, less those that came back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import selectinload

from marketplace_api.models import Artisan, PaidSum, Payout
from marketplace_api.payments import ledger
from marketplace_api.payments.payouts import ENDED_UNPAID, IN_FLIGHT, WAITING
from marketplace_api.shop import Shop
from marketplace_api.statuses import PayoutStatus

SETTLES = timedelta(days=1)
"""After this time no transaction is open in which a payout was paid: far longer than any takes, or clocks differ."""
SUMMED_AT_ONCE = 100
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ArtisanBalance:
    """The amounts that an artisan is owed and was paid, in minor units, and the last payouts, newest first.

    `held` is the part of `owed` whose payouts are held.
    """

    owed: int
    paid: int
    last: Sequence[Payout]
    held: int


@dataclass(frozen=True, slots=True)
class PayoutTotal:
    """How many payouts there are in a status, their sum in minor units, and when the oldest was created."""

    count: int
    sum: int
    oldest_at: datetime


def amounts_owed(shop: Shop, artisan_ids: Collection[str]) -> Mapping[str, int]:
    """Minor units owed to each of these artisans, by id; payouts that a provider is paying are included."""
    balances = ledger.balances(shop, [ledger.artisan_account(id) for id in artisan_ids])
    moving = select(Payout.artisan_id, func.sum(Payout.amount)).where(
        Payout.artisan_id.in_(artisan_ids), Payout.status.in_(IN_FLIGHT)
    )
    in_flight = {id: int(amount) for id, amount in shop.session.execute(moving.group_by(Payout.artisan_id))}
    return {id: in_flight.get(id, 0) - balances[ledger.artisan_account(id)] for id in artisan_ids}


def balance_of(shop: Shop, artisan: Artisan, last: int = 5) -> ArtisanBalance:
    """The amounts that the artisan is owed and was paid, and the newest `last` payouts.

    Payouts that have ended without being paid are not among them.
    """
    newest = (
        select(Payout)
        .options(selectinload(Payout.order))
        .where(Payout.artisan_id == artisan.id, Payout.status.not_in(ENDED_UNPAID))
        .order_by(Payout.created_at.desc(), Payout.id.desc())
        .limit(last)
    )
    owed = amounts_owed(shop, [artisan.id])[artisan.id]
    rows = shop.session.scalars(newest).all()
    return ArtisanBalance(owed, _paid(shop, artisan), rows, _sum(shop, artisan, ("held",)))


def store_sums(shop: Shop) -> int:
    """Store sums from which balances of accounts and sums of payments begin; returns how many have changed."""
    return ledger.checkpoint(shop) + update_paid_sums(shop)


def update_paid_sums(shop: Shop) -> int:
    """Add older payments to the stored sums of up to `SUMMED_AT_ONCE` artisans; returns how many sums have changed."""
    upto = shop.now - SETTLES
    stored = func.coalesce(PaidSum.upto, _BEFORE_ALL)
    paid = Payout.artisan_id == Artisan.id, Payout.paid_at <= upto
    last = select(func.max(Payout.paid_at)).where(*paid).correlate(Artisan).scalar_subquery()
    added = select(func.sum(Payout.amount)).where(*paid, Payout.paid_at > stored).correlate(Artisan, PaidSum)
    sums = select(Artisan.id, func.coalesce(PaidSum.amount, 0), added.scalar_subquery()).outerjoin(
        PaidSum, PaidSum.artisan_id == Artisan.id
    )
    changed = shop.session.execute(sums.where(last > stored).limit(SUMMED_AT_ONCE)).all()
    for artisan_id, before, amount in changed:
        shop.session.merge(PaidSum(artisan_id=artisan_id, upto=upto, amount=int(before) + int(amount)))
    shop.session.flush()
    return len(changed)


def wrong_paid_sums(shop: Shop) -> Iterator[str]:
    """One sentence for each stored sum that is not the sum of its payouts."""
    paid = Payout.artisan_id == PaidSum.artisan_id, Payout.paid_at <= PaidSum.upto
    summed = select(func.coalesce(func.sum(Payout.amount), 0)).where(*paid).scalar_subquery()
    for artisan_id, stored, amount in shop.session.execute(select(PaidSum.artisan_id, PaidSum.amount, summed)):
        if stored != amount:
            yield f"the sum paid to {artisan_id} is stored as {stored}, and its payouts are {amount}"


def amount_waiting(shop: Shop, artisan: Artisan) -> int:
    """The sum of the artisan's payouts that no provider is paying yet, in minor units."""
    return _sum(shop, artisan, WAITING)


def amounts_waiting(shop: Shop) -> Mapping[str, int]:
    """The same for every artisan who has such payouts, by artisan id."""
    waiting = select(Payout.artisan_id, func.sum(Payout.amount)).where(Payout.status.in_(WAITING))
    return {artisan: int(amount) for artisan, amount in shop.session.execute(waiting.group_by(Payout.artisan_id))}


def amount_without_payout(shop: Shop, artisan: Artisan) -> int:
    """Minor units that the artisan is owed and that have no payout yet."""
    posted = ledger.balance_rows([ledger.artisan_account(artisan.id)]).subquery()
    balance = select(func.coalesce(func.sum(posted.c.balance), 0)).scalar_subquery()
    return -int(shop.session.scalar(select(balance + _summed(artisan, WAITING).scalar_subquery())) or 0)


def has_open_payouts(shop: Shop, artisan: Artisan) -> bool:
    """True if any payout of the artisan is neither paid nor collected."""
    return bool(_sum(shop, artisan, (*WAITING, *IN_FLIGHT)))


def totals_by_status(shop: Shop) -> Mapping[PayoutStatus, PayoutTotal]:
    """Count, sum and age of all payouts, by status; a status without payouts is left out."""
    totals = select(Payout.status, func.count(), func.sum(Payout.amount), func.min(Payout.created_at))
    rows = shop.session.execute(totals.group_by(Payout.status))
    return {status: PayoutTotal(count, int(total), oldest_at) for status, count, total, oldest_at in rows}


def _paid(shop: Shop, artisan: Artisan) -> int:
    """The sum of the artisan's payouts that were paid or collected and did not come back, in minor units."""
    stored, upto = (
        select(column).where(PaidSum.artisan_id == artisan.id).scalar_subquery()
        for column in (PaidSum.amount, PaidSum.upto)
    )
    newer = select(func.coalesce(func.sum(Payout.amount), 0)).where(
        Payout.artisan_id == artisan.id, Payout.paid_at > func.coalesce(upto, _BEFORE_ALL)
    )
    came_back = _summed(artisan, ("returned",)).scalar_subquery()
    # one statement, so that no sum is stored in between
    total = func.coalesce(stored, literal(0)) + newer.scalar_subquery() - came_back
    return int(shop.session.scalar(select(total)) or 0)


def _sum(shop: Shop, artisan: Artisan, statuses: tuple[PayoutStatus, ...]) -> int:
    return int(shop.session.scalar(_summed(artisan, statuses)) or 0)


def _summed(artisan: Artisan, statuses: tuple[PayoutStatus, ...]) -> Select[int]:
    of_artisan = Payout.artisan_id == artisan.id, Payout.status.in_(statuses)
    return select(func.coalesce(func.sum(Payout.amount), 0)).where(*of_artisan)
