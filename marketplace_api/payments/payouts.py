"""Payouts to artisans: how one is found, locked, created, moved through its life cycle and recorded.

The other modules of this package decide when a payout is created and how it ends. Each step is written to the ledger
once, in the same transaction and under a key of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.attributes import set_committed_value

from marketplace_api import locks
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.lifecycles import PAYOUT, PayoutTrigger
from marketplace_api.models import Artisan, Payout
from marketplace_api.payments import cash_codes, ledger
from marketplace_api.refused import Refused
from marketplace_api.schemas.payouts import Payout as PayoutSchema
from marketplace_api.shop import CODE_LENGTHS, Shop, insert_new
from marketplace_api.statuses import PayoutStatus

IN_FLIGHT: tuple[PayoutStatus, ...] = ("sending", "unknown")
"""Statuses in which a provider may be paying at this moment."""
WAITING: tuple[PayoutStatus, ...] = ("held", "pending", "failed", "awaiting_collection")
"""Statuses in which no provider is paying."""
SETTLED: tuple[PayoutStatus, ...] = ("paid", "collected")
"""Statuses in which the money has reached the artisan."""
ENDED_UNPAID: tuple[PayoutStatus, ...] = ("returned", "cancelled")
"""Final statuses of payouts with which the artisan was not paid; if money is still owed, another payout is for it."""
ELSEWHERE = "elsewhere"
"""The stored provider of a payout that an operator paid by other means."""


# -- finding


def by_id(shop: Shop, payout_id: str) -> Payout:
    """The payout, or `Refused` with `unknown_payout`."""
    payout = shop.session.get(Payout, payout_id)
    if payout is None:
        raise Refused("unknown_payout", 404)
    return payout


def by_ids(shop: Shop, payout_ids: Collection[str]) -> Sequence[Payout]:
    """The payouts with these ids, in no order, with their artisans, orders and kiosks; unknown ids are left out."""
    rows = select(Payout).where(Payout.id.in_(payout_ids))
    related = selectinload(Payout.artisan), selectinload(Payout.order), selectinload(Payout.kiosk)
    return shop.session.scalars(rows.options(*related)).all()


def was_paid_by_hand(payout: Payout) -> bool:
    """True if an agent or operator paid it, in cash at a kiosk or elsewhere."""
    return payout.status == "collected" or (payout.status == "paid" and payout.provider == ELSEWHERE)


# -- locking


def lock(shop: Shop, payout_id: str) -> Payout:
    """The payout as it is in the database now, under its artisan's lock; `Refused` with `unknown_payout`."""
    artisan_id = select(Payout.artisan_id).where(Payout.id == payout_id).scalar_subquery()
    artisan = locks.take_one(shop, Artisan, Artisan.id == artisan_id)
    if artisan is None:
        raise Refused("unknown_payout", 404)
    payout = shop.session.get_one(Payout, payout_id, populate_existing=True)
    set_committed_value(payout, "artisan", artisan)
    return payout


def lock_artisan(shop: Shop, artisan: Artisan) -> Artisan:
    """The artisan as in the database now, locked until the transaction ends.

    Meanwhile no other transaction changes the artisan or the artisan's payouts. `Refused` with `unknown_artisan`.
    """
    locked = locks.take_one(shop, Artisan, Artisan.id == artisan.id)
    if locked is None:
        raise Refused("unknown_artisan", 404)
    return locked


# -- writing


def add(shop: Shop, artisan: Artisan, amount: int, currency: str, *, status: PayoutStatus, **columns: Any) -> Payout:
    """Add a payout of `amount` minor units, with a new id and code; one that waits for cash also gets a cash code."""
    payout_id = shop.ids.new_id("pay")
    columns |= {"artisan_id": artisan.id, "amount": amount, "currency": currency, "created_at": shop.now}
    for length, cash_code in zip(CODE_LENGTHS, cash_codes.candidates(shop, payout_id), strict=False):
        drawn = {"code": shop.ids.code(length), **(cash_code if status == "awaiting_collection" else {})}
        new = insert_new(shop.session, Payout).values(
            id=payout_id, payment_id=payout_id, status=status, **columns, **drawn
        )
        # nothing is inserted if a code is taken
        payout: Payout | None = shop.session.scalars(new.returning(Payout)).one_or_none()
        if payout:
            return payout
    raise RuntimeError("no free code found: is the random source broken?")


def move(shop: Shop, payout_id: str, trigger: PayoutTrigger) -> Payout:
    """Lock the payout and apply the transition `trigger` of its life cycle, or raise `Refused`."""
    payout = lock(shop, payout_id)
    PAYOUT.move(payout, trigger)
    shop.session.flush()
    return payout


def enter(shop: Shop, payout: Payout, key: str, postings: dict[str, int]) -> None:
    """Enter a step of the payout in the ledger, once under `key`."""
    ledger.post(shop, key, f"payout {payout.code}", postings, payout.currency)


def set_reference(shop: Shop, payout: Payout, provider: str | None, reference: str) -> None:
    """Store the provider's reference. `Refused` with `reference_known` if another of its payouts has it."""
    try:
        with shop.session.begin_nested():
            payout.provider, payout.provider_reference = provider, reference
            shop.session.flush()
    except IntegrityError:
        raise Refused("reference_known", reference=reference) from None


def record_paid(shop: Shop, payout: Payout) -> Payout:
    """Store that the payout was paid now, and record the event."""
    payout.paid_at = shop.now
    payout.failure = payout.fault_party = None
    return record_event(shop, payout, "payout.paid")


def record_event(shop: Shop, payout: Payout, type: EventType) -> Payout:
    """Record the event `type` with the payout as it is now."""
    shop.session.flush()
    events.record(shop, type, PayoutSchema.of(payout))
    return payout
