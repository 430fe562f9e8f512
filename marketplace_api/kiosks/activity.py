"""The activity of a kiosk in a period: parts and pieces received, cash paid out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from marketplace_api.models import Assignment, Kiosk, Payout
from marketplace_api.payments import ledger
from marketplace_api.shop import Shop


@dataclass(frozen=True, slots=True)
class CashDay:
    """A kiosk's day until its end or until now: pieces received, number and sum of payouts in cash, and the float.

    Money is in minor units.
    """

    pieces: int
    payouts: int
    paid: int
    float: int


def cash_day(shop: Shop, kiosk: Kiosk, day: date) -> CashDay:
    """The sums of a day in the shop's time zone."""
    begin, end = shop.midnight(day), shop.midnight(day + timedelta(days=1))
    count, paid = _paid_in_cash(shop, kiosk, begin, end)
    cash = ledger.balance_before(shop, ledger.kiosk_account(kiosk.id), end)
    return CashDay(pieces_received(shop, kiosk, begin, end), count, paid, cash)


def parts_received_since(shop: Shop, kiosk: Kiosk, since: datetime) -> int:
    """How many parts of orders this kiosk has received from `since` on."""
    parts = select(func.count()).select_from(Assignment)
    return shop.session.scalar(parts.where(Assignment.received_by == kiosk.id, Assignment.received_at >= since)) or 0


def pieces_received(shop: Shop, kiosk: Kiosk, begin: datetime, end: datetime) -> int:
    """How many pieces this kiosk received from `begin` on, before `end`."""
    pieces = select(func.coalesce(func.sum(Assignment.quantity), 0))
    on_day = Assignment.received_at >= begin, Assignment.received_at < end
    return int(shop.session.scalar(pieces.where(Assignment.received_by == kiosk.id, *on_day)) or 0)


def cash_paid_since(shop: Shop, kiosk_ids: Collection[str], since: datetime) -> Mapping[str, int]:
    """Minor units that each of these kiosks has paid in cash from `since` on; a kiosk that paid none is left out."""
    paid = select(Kiosk.id, func.sum(Payout.amount)).join(Payout.kiosk).group_by(Kiosk.id)
    at_kiosk = paid.where(Payout.status == "collected", Payout.paid_at >= since, Kiosk.id.in_(kiosk_ids))
    return {kiosk_id: int(amount) for kiosk_id, amount in shop.session.execute(at_kiosk)}


def _paid_in_cash(shop: Shop, kiosk: Kiosk, begin: datetime, end: datetime) -> tuple[int, int]:
    """How many payouts this kiosk paid in cash from `begin` on, before `end`, and their sum."""
    paid = select(func.count(), func.coalesce(func.sum(Payout.amount), 0)).where(
        Payout.status == "collected", Payout.kiosk_id == kiosk.id, Payout.paid_at >= begin, Payout.paid_at < end
    )
    count, total = shop.session.execute(paid).one()
    return count, int(total)
