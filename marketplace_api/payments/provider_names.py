"""The names that providers use for our payouts: of payments, of queries about them, and of failed payments."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace_api.models import PaymentName, Payout
from marketplace_api.payments import payouts
from marketplace_api.shop import Shop

NameMeaning = Literal["payment", "question", "outdated", "spent"]
"""The meaning of a name: a payment, a query about it (`question`), a query from before the payout was sent again
(`outdated`), or a payment that has finally failed (`spent`)."""


@dataclass(frozen=True, slots=True)
class NamedPayout:
    """A payout, and the meaning of the name under which it was found."""

    payout: Payout
    meaning: NameMeaning


def find_by_name(shop: Shop, names: Sequence[str]) -> NamedPayout | None:
    """The payout of the first of `names` that is stored, locked; None if no name is stored."""
    for name in names:
        payout_id = shop.session.scalar(select(Payout.id).where(Payout.payment_id == name))
        if payout_id:
            return NamedPayout(payouts.lock(shop, payout_id), "payment")
        row = shop.session.get(PaymentName, name)
        if row:
            payout = payouts.lock(shop, row.payout_id)
            outdated = row.meaning == "question" and row.sends != payout.sends
            return NamedPayout(payout, "outdated" if outdated else cast(NameMeaning, row.meaning))
    return None


def remember_names(shop: Shop, payout: Payout, names: Sequence[str], meaning: NameMeaning) -> None:
    """Store names that a provider may use for the payout."""
    for name in names:
        if name == payout.payment_id or shop.session.get(PaymentName, name) is not None:
            continue
        # another payout may be given the name after the check; then it keeps the name
        with suppress(IntegrityError), shop.session.begin_nested():
            shop.session.add(PaymentName(name=name, payout_id=payout.id, meaning=meaning, sends=payout.sends))
