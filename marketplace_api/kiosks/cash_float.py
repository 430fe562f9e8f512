"""The drawers of kiosks: the marketplace's cash in them (their float), what is put in, and what a day came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from marketplace_api.models import Kiosk, Payout
from marketplace_api.orders import receiving
from marketplace_api.payments import ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


@dataclass(frozen=True, slots=True)
class CashDay:
    """A kiosk's day as it ended, or as it is so far: pieces taken in, payouts made in cash, and the float; money in
    minor units."""

    pieces: int
    payouts: int
    paid: int
    float: int


def balance(shop: Shop, kiosk: Kiosk) -> int:
    """Its float in minor units; less than nothing when the agent has paid out of her own pocket."""
    return ledger.balance(shop, ledger.kiosk_account(kiosk.id))


def record_cash(shop: Shop, kiosk: Kiosk, amount: int, note: str) -> None:
    """An operator has put cash in, or with a negative amount taken it out.

    `Refused` with `drawer_short` if there is less in it than is taken out.
    """
    shop.session.refresh(kiosk, with_for_update={"of": Kiosk})
    held = balance(shop, kiosk)
    if amount < 0 and held + amount < 0:
        raise Refused("drawer_short", held=held)
    postings = {ledger.kiosk_account(kiosk.id): amount, ledger.ADJUSTMENTS: -amount}
    ledger.post(shop, f"float:{shop.ids.new_id('flt')}", note, postings)


def cash_day(shop: Shop, kiosk: Kiosk, day: date) -> CashDay:
    """What a day came to, by the clock of the place."""
    begin, end = shop.midnight(day), shop.midnight(day + timedelta(days=1))
    count, paid = _paid_out(shop, kiosk, begin, end)
    held = ledger.balance_before(shop, ledger.kiosk_account(kiosk.id), end)
    return CashDay(receiving.pieces_received(shop, kiosk, begin, end), count, paid, held)


def _paid_out(shop: Shop, kiosk: Kiosk, begin: datetime, end: datetime) -> tuple[int, int]:
    """How many payouts were made here in cash, and their sum."""
    paid = select(func.count(), func.coalesce(func.sum(Payout.amount), 0)).where(
        Payout.status == "collected", Payout.kiosk_id == kiosk.id, Payout.paid_at >= begin, Payout.paid_at < end
    )
    count, total = shop.session.execute(paid).one()
    return count, int(total)
