"""The names under which providers know our payouts: payments, questions about them, and names that are spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import select

from marketplace_api.models import PaymentName, Payout
from marketplace_api.payments import payouts
from marketplace_api.shop import Shop

NameMeaning = Literal["payment", "question", "outdated", "spent"]
"""What a name stands for: a payment, a question about it, a question asked before the payout was sent again, or a
payment that failed for good."""


@dataclass(frozen=True, slots=True)
class NamedPayout:
    """A payout, and what the name it was found by stands for."""

    payout: Payout
    meaning: NameMeaning


def find_by_name(shop: Shop, names: Sequence[str]) -> NamedPayout | None:
    """The payout that the first known of `names` stands for, locked; None when no name is known."""
    for name in names:
        payout_id = shop.session.scalar(select(Payout.id).where(Payout.payment_id == name))
        if payout_id:
            return NamedPayout(payouts.lock(shop, payout_id), "payment")
        known = shop.session.get(PaymentName, name)
        if known:
            payout = payouts.lock(shop, known.payout_id)
            outdated = known.meaning == "question" and known.sends != payout.sends
            return NamedPayout(payout, "outdated" if outdated else cast(NameMeaning, known.meaning))
    return None


def remember_names(shop: Shop, payout: Payout, names: Sequence[str], meaning: NameMeaning) -> None:
    """Write down names that a provider may use for the payout."""
    for name in names:
        if name != payout.payment_id and shop.session.get(PaymentName, name) is None:
            shop.session.add(PaymentName(name=name, payout_id=payout.id, meaning=meaning, sends=payout.sends))
    shop.session.flush()
