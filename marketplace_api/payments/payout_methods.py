"""Changes of payout methods: those that were made, and failed payouts that are paid by another method after one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from marketplace_api.models import IS_PAYOUT_CHANGE, Artisan, Event, Payout
from marketplace_api.payments import cash_codes, payouts, settlement
from marketplace_api.shop import Shop


def changes_of(shop: Shop, artisan: Artisan, most: int = 20) -> Sequence[Event]:
    """The events of the last changes of an artisan's payout method, newest first."""
    of_artisan = IS_PAYOUT_CHANGE, Event.data["id"].as_string() == artisan.id
    return shop.session.scalars(select(Event).where(*of_artisan).order_by(Event.seq.desc()).limit(most)).all()


def apply_new_payout_method(shop: Shop, artisan: Artisan) -> None:
    """Pay by the new method the payouts that the artisan's old phone could not receive.

    Before a payment that was sent and failed is paid in cash, its provider is queried once more, in case it did pay.
    The caller has locked the artisan.
    """
    failed = select(Payout).where(
        Payout.artisan_id == artisan.id, Payout.status == "failed", Payout.fault_party == "recipient"
    )
    fresh = failed.order_by(Payout.assignment_id, Payout.piece, Payout.id).execution_options(populate_existing=True)
    for payout in shop.session.scalars(fresh).all():
        payout.method, payout.msisdn = artisan.payout_method, artisan.payout_msisdn
        if payout.method == "mobile_money":
            settlement.retry(shop, payout.id)
        elif not payout.sends:
            _offer_unsent(shop, payout.id)
        else:
            payouts.record_event(shop, settlement.recheck(shop, payout.id), "payout.retried")


def offer_cash(shop: Shop, payout_id: str) -> Payout:
    """Offer the payout in cash, under a new code. The provider did not pay it, and the artisan chose cash."""
    payout = payouts.move(shop, payout_id, "offer_cash")
    settlement.enter_returned(shop, payout)
    cash_codes.give(shop, payout)
    return payouts.record_event(shop, payout, "payout.rerouted")


def _offer_unsent(shop: Shop, payout_id: str) -> Payout:
    """Offer a payout in cash that takes the place of one that came back, and that no provider was asked to pay."""
    payout = payouts.move(shop, payout_id, "offer_unsent")
    payout.failure = payout.fault_party = None
    cash_codes.give(shop, payout)
    return payouts.record_event(shop, payout, "payout.rerouted")
