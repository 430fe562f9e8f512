"""Payments that came back, or that were recorded by mistake: the payout ends, and what it was for is owed again."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace_api.models import Payout
from marketplace_api.payments import cash_payouts, ledger, payouts, settlement
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


def give_back(shop: Shop, payout_id: str, why: str) -> Payout:
    """Record that the payment of a paid or collected payout came back, or was recorded by mistake; `why` says which.

    The payout is `returned`, for ever. If it was for goods, a new payout of the same amount takes its place: in cash it
    waits at the kiosk under a new code; by mobile money it waits as `failed`, until the artisan gives another phone or
    an operator retries it, because the old phone may be the reason. `Refused` with `payout_not_settled`.
    """
    payout = payouts.move(shop, payout_id, "give_back")
    if payout.kiosk is not None:
        cash_payouts.lock_kiosk(shop, payout.kiosk)
    key = _key_of_payment(shop, payout)
    ledger.reverse(shop, key, why)
    if any(line.account == ledger.PAYOUTS for line in ledger.entry_of(shop, key).postings):
        settlement.enter_returned(shop, payout)  # the reversal alone would leave the amount on its way
    payout.failure = why
    replacement = _replace(shop, payout) if payout.order_id else None
    payouts.record_event(shop, payout, "payout.returned")
    if replacement is not None:
        payouts.record_event(shop, replacement, "payout.created")
    return payout


def stop(shop: Shop, payout: Payout, key: str, why: str) -> None:
    """Reverse the entry that the payout is on its way: an operator knows that its provider did not pay, and will not.

    The payout is `failed`, and only an operator sends it again. If its provider reports it as paid after all, it is
    queried again. The caller has locked the payout. `Refused` with `entry_final` for an earlier send.
    """
    if payout.status not in payouts.IN_FLIGHT or key != f"sent:{payout.id}:{payout.sends}":
        raise Refused("entry_final", key=key, because=f"payout {payout.code} is {payout.status}, and not on this way")
    payouts.move(shop, payout.id, "settle_failed")
    ledger.reverse(shop, key, why)
    payout.failure, payout.fault_party = why, "nobody"
    payouts.record_event(shop, payout, "payout.failed")


def cancel(shop: Shop, payout_id: str, why: str) -> Payout:
    """End a payout that no provider is paying, because what it was for is not owed. Records no event.

    `Refused` with `payout_on_its_way` if it is being paid or was paid.
    """
    payout = payouts.move(shop, payout_id, "cancel")
    payout.failure, payout.fault_party, payout.cash_code_hash = why, None, None
    shop.session.flush()
    return payout


def _key_of_payment(shop: Shop, payout: Payout) -> str:
    """The key of the entry that the artisan was paid; payouts from before the ledger have another one."""
    settled = "collected" if payout.kiosk_id else "paid"
    keys = f"{settled}:{payout.id}", f"opening:{payout.id}:{settled}"
    return next((key for key in keys if ledger.has_entry(shop, key)), keys[0])


def _replace(shop: Shop, payout: Payout) -> Payout:
    artisan = payout.artisan
    replacement = payouts.add(
        shop,
        artisan,
        payout.amount,
        payout.currency,
        order_id=payout.order_id,
        assignment_id=payout.assignment_id,
        piece=_next_piece(shop, payout),
        method=artisan.payout_method,
        msisdn=artisan.payout_msisdn,
        status="awaiting_collection" if artisan.payout_method == "kiosk_cash" else "failed",
    )
    if replacement.method == "mobile_money":
        replacement.failure, replacement.fault_party = f"payout {payout.code} came back: {payout.failure}", "recipient"
    shop.session.flush()
    return replacement


def _next_piece(shop: Shop, payout: Payout) -> int:
    pieces = select(func.max(Payout.piece)).where(Payout.assignment_id == payout.assignment_id)
    last = shop.session.scalar(pieces)
    return payout.piece + 1 if last is None else last + 1
