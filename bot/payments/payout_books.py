"""What a provider has paid by our ledger, to compare with its statement (`reconciliation`); differences in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import select

import locales
from bot.payments.reconciliation import OurPayout, ProviderPayment
from marketplace_api.models import PaymentName, Payout
from marketplace_api.shop import Shop


def ours(shop: Shop, provider: str, first: date, last: date) -> Sequence[OurPayout]:
    """The paid payouts that the provider was asked to pay from a day before `first` to a day after `last`."""
    paid = select(Payout).where(
        Payout.provider == provider,
        Payout.status.in_(("paid", "returned")),  # the provider's list has a payment also if it came back later
        Payout.sent_at >= shop.midnight(first - timedelta(days=1)),
        Payout.sent_at < shop.midnight(last + timedelta(days=2)),
    )
    names = select(PaymentName.name, PaymentName.payout_id).where(
        PaymentName.meaning == "payment", PaymentName.payout_id.in_(paid.with_only_columns(Payout.id))
    )
    names_by_payout: dict[str, set[str]] = {}
    for name, payout_id in shop.session.execute(names):
        names_by_payout.setdefault(payout_id, set()).add(name)
    return [
        OurPayout(
            payout.code,
            payout.provider_reference or "",
            payout.amount,
            (payout.sent_at or payout.created_at).astimezone(shop.terms.zone),
            frozenset({payout.payment_id} | names_by_payout.get(payout.id, set())),
        )
        for payout in shop.session.scalars(paid.order_by(Payout.sent_at, Payout.id))
    ]


def missing_words(payout: OurPayout, currency: str) -> str:
    """A payout that is paid by our account alone."""
    amount = money(payout.amount, currency)
    return f"payout {payout.code}, reference {payout.reference}, {amount}, {payout.sent_at:%Y-%m-%d %H:%M}"


def extra_words(payment: ProviderPayment, currency: str) -> str:
    """A payment that is paid by their account alone."""
    recipient = payment.recipient or "to nobody named"
    return f"line {payment.line}: {payment.receipt}, {money(payment.amount, currency)}, {recipient}"


def different_words(payout: OurPayout, payment: ProviderPayment, currency: str) -> str:
    """A payment that both have, with different amounts."""
    theirs, amount = money(payment.amount, currency), money(payout.amount, currency)
    return f"line {payment.line}: {payment.receipt} is {theirs}, and our payout {payout.code} {amount}"


def money(amount: int, currency: str) -> str:
    """An amount in words: `KSh 1,620`."""
    return locales.catalogue(locales.SOURCE).money(amount, currency)
