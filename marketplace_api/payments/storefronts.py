"""Storefronts: which keys may vouch for their orders, up to which credit, and what they owe and have settled."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace_api import locks
from marketplace_api.models import SHOP_WINDOW, Settlement, StorefrontTerms
from marketplace_api.payments import ledger
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

SETTLE_DAYS = 30
"""In how many days a storefront settles, unless its terms say otherwise."""


def terms_of(shop: Shop, key_id: str) -> StorefrontTerms:
    """The terms of a key. One without stored terms may vouch without limit; our own shop window never vouches."""
    if key_id == SHOP_WINDOW:
        return StorefrontTerms(key_id=key_id, may_vouch=False, credit=0, settle_days=SETTLE_DAYS)
    stored = shop.session.get(StorefrontTerms, key_id)
    return stored or StorefrontTerms(key_id=key_id, may_vouch=True, credit=None, settle_days=SETTLE_DAYS)


def terms_for_vouching(shop: Shop, key_id: str) -> StorefrontTerms:
    """The terms of a key that may vouch; `Refused` with `payment_needed` if it may not."""
    terms = terms_of(shop, key_id)
    if not terms.may_vouch:
        raise Refused("payment_needed", 422)
    return terms


def set_terms(shop: Shop, key_id: str, *, may_vouch: bool, credit: int | None, settle_days: int) -> StorefrontTerms:
    """Store the terms of a key; `credit` is in minor units, None for no limit. Orders that exist keep their money."""
    locks.take_name(shop, _credit_of(key_id))
    terms = StorefrontTerms(key_id=key_id, may_vouch=may_vouch, credit=credit, settle_days=settle_days)
    stored: StorefrontTerms = shop.session.merge(terms)
    shop.session.flush()
    return stored


def check_credit(shop: Shop, terms: StorefrontTerms) -> None:
    """`Refused` with `credit_exhausted` if the storefront owes more than it may; orders of one key take turns.

    Call it after the order is entered: an order that another transaction enters meanwhile is then seen by one of them.
    """
    if terms.credit is None:
        return
    locks.take_name(shop, _credit_of(terms.key_id))
    owed = owes(shop, terms.key_id)
    if owed > terms.credit:
        raise Refused("credit_exhausted", credit=terms.credit, owed=owed, currency=shop.terms.currency)


def owes(shop: Shop, key_id: str) -> int:
    """What the storefront owes us, in minor units; negative if we owe it something."""
    return ledger.balance(shop, ledger.storefront_account(key_id))


def settle(shop: Shop, key_id: str, amount: int, reference: str) -> Settlement:
    """Record that the storefront paid `amount` minor units to our bank account, as `reference`.

    It may be more than it owes; the rest counts for later orders. `Refused` with `reference_known`, or with
    `absurd_amount`.
    """
    if not 0 < amount <= ledger.MAX_AMOUNT:
        raise Refused("absurd_amount", 422, amount=amount)
    settlement = Settlement(
        id=shop.ids.new_id("stl"),
        key_id=key_id,
        amount=amount,
        currency=shop.terms.currency,
        reference=reference,
        created_at=shop.now,
    )
    try:
        with shop.session.begin_nested():
            shop.session.add(settlement)
            shop.session.flush()
    except IntegrityError:
        raise Refused("reference_known", reference=reference) from None
    postings = {ledger.BANK: amount, ledger.storefront_account(key_id): -amount}
    ledger.post(shop, f"settled:{settlement.id}", f"settlement {reference}", postings)
    return settlement


def settlements(shop: Shop, key_id: str) -> list[Settlement]:
    """All settlements of a storefront, oldest first."""
    found = select(Settlement).where(Settlement.key_id == key_id).order_by(Settlement.created_at, Settlement.id)
    return list(shop.session.scalars(found))


def _credit_of(key_id: str) -> str:
    return f"credit of {key_id}"
