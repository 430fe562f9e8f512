"""Payouts by mobile money: claimed before the request to the provider, and settled by its answer.

    payout = settlement.begin_sending(shop, "pay_1", "daraja")   # then commit, then send the request
    settlement.settle_paid(shop, "pay_1", "SFF6XYZ123")          # or settle_failed, mark_unknown, release

Requests to the provider carry the payout's `payment_id`.
"""

from __future__ import annotations

from marketplace_api.models import Payout
from marketplace_api.payments import ledger, pausing, payouts, provider_names
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from marketplace_api.statuses import FaultParty


def begin_sending(shop: Shop, payout_id: str, provider: str = "simulator") -> Payout:
    """Claim the payout before the request to `provider`. Commit before sending the request.

    If this raises `Refused`, do not pay: the payout is being paid or was paid (`payout_not_sendable`), or payouts are
    paused (`payouts_paused`).
    """
    payouts.lock(shop, payout_id)
    if pause := pausing.current_pause(shop):
        raise Refused("payouts_paused", because=pause.reason)
    payout = payouts.move(shop, payout_id, "send")
    payout.provider = provider
    enter_sent(shop, payout)
    return payout


def settle_paid(shop: Shop, payout_id: str, reference: str) -> Payout:
    """Record that the provider has paid, with its reference for the payment.

    `Refused` with `reference_known` if the provider has paid another payout with this reference.
    """
    payout = payouts.move(shop, payout_id, "settle_paid")
    payouts.set_reference(shop, payout, payout.provider, reference)
    payout.method = "mobile_money"  # also if the artisan changed to cash after it was sent
    account = ledger.provider_account(payout.provider or payouts.ELSEWHERE)
    payouts.enter(shop, payout, f"paid:{payout.id}", {ledger.PAYOUTS: payout.amount, account: -payout.amount})
    return payouts.record_paid(shop, payout)


def settle_failed(shop: Shop, payout_id: str, reason: str, fault_party: FaultParty = "nobody") -> Payout:
    """Record that the provider has not paid, and never will under this `payment_id`, for `reason`.

    If the fault is ours, all payouts are paused until an operator resumes them.
    """
    payout = payouts.move(shop, payout_id, "settle_failed")
    enter_returned(shop, payout)
    payout.failure, payout.fault_party = reason, fault_party
    if fault_party == "us":
        pausing.pause(shop, reason)
    return payouts.record_event(shop, payout, "payout.failed")


def mark_unknown(shop: Shop, payout_id: str) -> Payout:
    """Record that the provider may have paid. The payout is not sent again until the provider reports the outcome."""
    return payouts.move(shop, payout_id, "mark_unknown")


def release(shop: Shop, payout_id: str) -> Payout:
    """Set the payout to pending again, under the same `payment_id`: the provider certainly does not have it."""
    payout = payouts.move(shop, payout_id, "release")
    enter_returned(shop, payout)
    return payout


def recheck(shop: Shop, payout_id: str) -> Payout:
    """Mark a payout as unknown until its provider is queried: it is unpaid here, and its provider may have paid it."""
    payout = payouts.move(shop, payout_id, "recheck")
    payout.cash_code_hash = None
    enter_sent(shop, payout)
    return payout


def retry(shop: Shop, payout_id: str) -> Payout:
    """Set a failed payout to pending, so that it is sent again. If the fault was ours, this also ends the pause."""
    payout = payouts.move(shop, payout_id, "retry")
    payout.retried = True
    if payout.fault_party == "us":
        pausing.resume(shop)
    return payouts.record_event(shop, payout, "payout.retried")


def resend_under_new_id(shop: Shop, payout_id: str) -> Payout:
    """Release a payout that has finally failed under its `payment_id`, to be sent again under a new one.

    Only for a payout that was retried and that the provider still reports as failed after a new query.
    """
    payout = release(shop, payout_id)
    spent, payout.payment_id, payout.retried = payout.payment_id, f"{payout.id}-{payout.sends}", False
    provider_names.remember_names(shop, payout, [spent], "spent")
    return payout


def enter_sent(shop: Shop, payout: Payout) -> None:
    """Enter in the ledger that the amount is on its way; the key contains `sends`, so each send is a new entry."""
    payout.sends, payout.sent_at = payout.sends + 1, shop.now
    postings = {ledger.artisan_account(payout.artisan_id): payout.amount, ledger.PAYOUTS: -payout.amount}
    payouts.enter(shop, payout, f"sent:{payout.id}:{payout.sends}", postings)


def enter_returned(shop: Shop, payout: Payout) -> None:
    """Enter in the ledger that the amount was not paid and is owed to the artisan again."""
    postings = {ledger.artisan_account(payout.artisan_id): -payout.amount, ledger.PAYOUTS: payout.amount}
    payouts.enter(shop, payout, f"back:{payout.id}:{payout.sends}", postings)
