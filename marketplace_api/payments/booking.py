"""What moves at a provider without an order: its fees, and money between its account and our bank account.

| kind | debit | credit |
|---|---|---|
| `fee` | `fees` | the provider's account |
| `top_up` | the provider's account | `bank` |
| `withdrawal` | `bank` | the provider's account |

The account is that of a collector or a payer. In another currency than the shop's, the other account is in it too.
"""

from __future__ import annotations

from typing import Literal

from marketplace_api.payments import ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

BookingKind = Literal["fee", "top_up", "withdrawal"]


def book(shop: Shop, kind: BookingKind, account: str, amount: int, reference: str, currency: str) -> bool:
    """Enter `amount` minor units of `currency`, once for each reference in the provider's statement.

    False if it was entered before. `Refused` with `reference_known` if it was entered with another amount, or with
    `absurd_amount`.
    """
    if not 0 < amount <= ledger.MAX_AMOUNT:
        raise Refused("absurd_amount", 422, amount=amount)
    booked = booked_amount(shop, kind, account, reference)
    if booked not in (None, amount):
        raise Refused("reference_known", reference=reference)
    other = ledger.FEES if kind == "fee" else ledger.BANK
    names = account, other
    if currency != shop.terms.currency:
        names = ledger.in_currency(account, currency), ledger.in_currency(other, currency)
    into = amount if kind == "top_up" else -amount
    postings = {names[0]: into, names[1]: -into}
    return ledger.post(shop, _key(kind, account, reference), f"{kind} {reference}", postings, currency)


def booked_amount(shop: Shop, kind: BookingKind, account: str, reference: str) -> int | None:
    """The amount that is entered under this reference; None if none is, or the entry was reversed."""
    key = _key(kind, account, reference)
    if not ledger.has_entry(shop, key) or ledger.is_reversed(shop, key):
        return None
    return max(line.amount for line in ledger.entry_of(shop, key).postings)


def _key(kind: BookingKind, account: str, reference: str) -> str:
    return f"{kind}:{account}:{reference}"
