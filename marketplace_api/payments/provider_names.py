"""The names that providers use for our payouts, and the tokens in the addresses that our own requests name.

A name (our payment's id, the provider's id of a payment or of a query) may be known to others: it only says which
payout is meant. A token is new for each request and unguessable: what is posted to an address with it answers that
request.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace_api.models import PaymentName, Payout
from marketplace_api.payments import payouts
from marketplace_api.shop import Shop

NameMeaning = Literal["payment", "question", "spent"]
"""The meaning of a name: a payment, a query about it (`question`), or a payment that has finally failed (`spent`)."""
RequestKind = Literal["payment", "question"]
"""A request to pay, or a query about the payment."""
AnswerMeaning = Literal["payment", "question", "earlier_payment", "earlier_question", "spent", "other"]
"""What is answered at an address with a token: our newest request to pay or a query about it; one from before the
payout was sent again (`earlier_…`); a payment that had finally failed (`spent`); or another payout than the token's
(`other`)."""
_TOKENS: dict[str, tuple[AnswerMeaning, AnswerMeaning]] = {
    "payment_token": ("payment", "earlier_payment"),
    "question_token": ("question", "earlier_question"),
}
"""The stored meanings of tokens, and what is answered there, before and after the payout was sent again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The payout of a token, and what is answered at its address."""

    payout: Payout
    meaning: AnswerMeaning


def find_by_name(shop: Shop, names: Sequence[str]) -> Payout | None:
    """The payout of the first of `names` that is stored, locked; None if no name is stored."""
    found = _find(shop, names)
    return payouts.lock(shop, found[0]) if found else None


def find_by_token(shop: Shop, token: str, names: Sequence[str]) -> Answered | None:
    """The payout whose request named an address with this token, locked; None if no request did.

    `names` are the names in what was posted there.
    """
    row = shop.session.get(PaymentName, token)
    if row is None or row.meaning not in _TOKENS:
        return None
    payout = payouts.lock(shop, row.payout_id)
    match _find(shop, names):
        case (payout_id, _) if payout_id != payout.id:
            return Answered(payout, "other")
        case (_, "spent"):
            return Answered(payout, "spent")
    newest, earlier = _TOKENS[row.meaning]
    return Answered(payout, newest if row.sends == payout.sends else earlier)


def _find(shop: Shop, names: Sequence[str]) -> tuple[str, str] | None:
    """The id of the payout of the first of `names` that is stored, and the meaning of the name. A token is no name."""
    for name in names:
        payout_id = shop.session.scalar(select(Payout.id).where(Payout.payment_id == name))
        if payout_id:
            return payout_id, "payment"
        row = shop.session.get(PaymentName, name)
        if row and row.meaning not in _TOKENS:
            return row.payout_id, row.meaning
    return None


def remember_names(shop: Shop, payout: Payout, names: Sequence[str], meaning: NameMeaning) -> None:
    """Store names that a provider may use for the payout."""
    for name in names:
        if name == payout.payment_id or shop.session.get(PaymentName, name) is not None:
            continue
        # another payout may be given the name after the check; then it keeps the name
        with suppress(IntegrityError), shop.session.begin_nested():
            shop.session.add(PaymentName(name=name, payout_id=payout.id, meaning=meaning, sends=payout.sends))


def new_token(shop: Shop, payout: Payout, request: RequestKind) -> str:
    """A new token for a request about the payout. Commit before sending the request: its answer may come first."""
    token = shop.ids.secret()
    shop.session.add(PaymentName(name=token, payout_id=payout.id, meaning=f"{request}_token", sends=payout.sends))
    return token
