"""Payments that an operator made outside of Soko, such as by bank transfer."""

from __future__ import annotations

from sqlalchemy import select

from marketplace_api.models import Artisan, Order, Payout
from marketplace_api.payments import ledger, payouts
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


def record_paid_elsewhere(
    shop: Shop, artisan: Artisan, amount: int, currency: str, reference: str, order: Order | None
) -> Payout:
    """Record that an operator paid the artisan `amount` minor units by other means, as `reference`.

    With `order` it settles the payout of exactly this amount that waits for that order. Without `order` it is for
    something else, and the amount owed to the artisan does not change. `Refused` with `wrong_currency`,
    `absurd_amount`, `reference_known` if another payout has the reference, `not_due` if no such payout waits.
    """
    if currency != shop.terms.currency:
        raise Refused("wrong_currency", 422, currency=currency, kept=shop.terms.currency)
    if not 0 < amount <= ledger.MAX_AMOUNT:
        raise Refused("absurd_amount", 422, amount=amount)
    artisan = payouts.lock_artisan(shop, artisan)
    if shop.session.scalar(select(Payout.id).where(Payout.provider_reference == reference).limit(1)):
        raise Refused("reference_known", reference=reference)
    if order:
        payout = _settle_waiting(shop, artisan, amount, order)
    else:
        payout = payouts.add(shop, artisan, amount, currency, piece=0, method="mobile_money", status="paid")
    payouts.set_reference(shop, payout, payouts.ELSEWHERE, reference)
    account = ledger.artisan_account(artisan.id) if order else ledger.ADJUSTMENTS
    postings = {account: amount, ledger.provider_account(payouts.ELSEWHERE): -amount}
    payouts.enter(shop, payout, f"paid:{payout.id}", postings)
    payout.cash_code_hash = None
    return payouts.record_paid(shop, payout)


def _settle_waiting(shop: Shop, artisan: Artisan, amount: int, order: Order) -> Payout:
    candidates = select(Payout.id).where(
        Payout.order_id == order.id,
        Payout.artisan_id == artisan.id,
        Payout.amount == amount,
        Payout.status.in_(payouts.WAITING),
    )
    payout_id = shop.session.scalars(candidates.order_by(Payout.piece, Payout.id).limit(1)).one_or_none()
    if payout_id is None:
        raise Refused("not_due", code=order.code)
    return payouts.move(shop, payout_id, "settle_elsewhere")
