"""A kiosk's cash float: the marketplace's cash in its drawer."""

from __future__ import annotations

from marketplace_api.events import events
from marketplace_api.models import Kiosk
from marketplace_api.payments import cash_payouts, ledger
from marketplace_api.refused import Refused
from marketplace_api.schemas.kiosks import FloatChange
from marketplace_api.schemas.money import Money
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
    change_id = shop.ids.new_id("flt")
    ledger.post(shop, f"float:{change_id}", note, postings)
    _record_event(shop, kiosk, change_id, amount, note)


def reverse(shop: Shop, kiosk: Kiosk, key: str, why: str) -> bool:
    """Reverse the entry `key` about cash that was put in or taken out; False if that was done before."""
    kiosk = cash_payouts.lock_kiosk(shop, kiosk)
    before = balance(shop, kiosk)
    if not ledger.reverse(shop, key, why):
        return False
    _record_event(shop, kiosk, key.partition(":")[2], balance(shop, kiosk) - before, why)
    return True


def _record_event(shop: Shop, kiosk: Kiosk, change_id: str, amount: int, note: str) -> None:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=shop.terms.currency)

    change = FloatChange(
        id=change_id, kiosk_id=kiosk.id, amount=money(amount), note=note, float=money(balance(shop, kiosk))
    )
    events.record(shop, "kiosk_float.changed", change)
