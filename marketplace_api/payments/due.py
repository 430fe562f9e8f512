"""Creates the payouts that become due when a kiosk receives goods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from marketplace_api.models import Artisan, Assignment, Payout
from marketplace_api.payments import balances, holds, payouts, purse
from marketplace_api.payments.money import BY_PHONE, IN_CASH
from marketplace_api.shop import Shop
from marketplace_api.statuses import PayoutMethod, PayoutStatus

_FIRST_STATUS: Mapping[PayoutMethod, PayoutStatus] = {"mobile_money": "pending", "kiosk_cash": "awaiting_collection"}


def create_due_payouts(shop: Shop, part: Assignment) -> Sequence[Payout]:
    """Enter the earnings of the part, and create payouts for everything that the artisan is owed without a payout.

    A payment has whole units, a smallest and a largest amount (`money.PaymentLimits`). The remainder stays on the
    artisan's account and is paid with the next part; so a part may have several payouts, or none. The caller has locked
    the artisan, and records the `payout.created` events.
    """
    artisan = part.artisan
    purse.enter_earned(shop, part)
    limits = BY_PHONE if artisan.payout_method == "mobile_money" else IN_CASH
    return [
        _create(shop, part, artisan, piece, amount)
        for piece, amount in enumerate(limits.pieces(balances.amount_without_payout(shop, artisan)))
    ]


def _create(shop: Shop, part: Assignment, artisan: Artisan, piece: int, amount: int) -> Payout:
    hold = holds.reason_for(shop, artisan, amount)
    return payouts.add(
        shop,
        artisan,
        amount,
        part.order.currency,
        order_id=part.order_id,
        assignment_id=part.id,
        piece=piece,
        method=artisan.payout_method,
        msisdn=artisan.payout_msisdn,
        status="held" if hold else _FIRST_STATUS[artisan.payout_method],
        hold=hold,
        held_at=shop.now if hold else None,
    )
