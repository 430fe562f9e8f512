"""A kiosk's cash float: the marketplace's cash in its drawer."""

from __future__ import annotations

from marketplace_api.models import Kiosk
from marketplace_api.payments import cash_payouts, ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


def balance(shop: Shop, kiosk: Kiosk) -> int:
    """The kiosk's float in minor units; negative if the agent has paid out own money."""
    return ledger.balance(shop, ledger.kiosk_account(kiosk.id))


def record_cash(shop: Shop, kiosk: Kiosk, amount: int, note: str) -> None:
    """Record that an operator put `amount` minor units of cash in, or, if it is negative, took it out.

    `Refused` with `drawer_short` if more than the float is taken out.
    """
    kiosk = cash_payouts.lock_kiosk(shop, kiosk)
    cash = balance(shop, kiosk)
    if amount < 0 and cash + amount < 0:
        raise Refused("drawer_short", held=cash)
    postings = {ledger.kiosk_account(kiosk.id): amount, ledger.ADJUSTMENTS: -amount}
    ledger.post(shop, f"float:{shop.ids.new_id('flt')}", note, postings)
