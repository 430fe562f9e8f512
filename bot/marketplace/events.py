"""What happened in the shop, with all that texts about it need: an event and the people it concerns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import func, select

from bot.marketplace.port import ArtisanContact, CashReceipt, EventDetails, PayoutNotice
from marketplace_api.accounts import artisans
from marketplace_api.events import events
from marketplace_api.kiosks import activity
from marketplace_api.models import Event, Payout
from marketplace_api.payments import balances, payouts
from marketplace_api.shop import Shop


def since(shop: Shop, after: int, limit: int) -> Sequence[EventDetails]:
    """The first `limit` events after the number `after`, oldest first; 0 is before them all."""
    happened = events.since(shop, after, limit)
    concerned = {id for event in happened for id in _concerned(event)}
    contacts = {row.id: ArtisanContact.of(row) for row in artisans.by_ids(shop, concerned)}
    notices = _notices(shop, {event.data["id"] for event in happened if event.type.startswith("payout.")})
    return [_details(event, contacts, notices) for event in happened]


def _details(event: Event, contacts: Mapping[str, ArtisanContact], notices: Mapping[str, PayoutNotice]) -> EventDetails:
    artisans = {id: contacts[id] for id in _concerned(event)}
    notice = notices.get(event.data["id"])
    return EventDetails(event.seq, event.id, event.type, event.created_at, event.data, artisans, notice)


def _concerned(event: Event) -> Iterator[str]:
    """The artisans in an event's resource: she herself, or whoever makes a part of an order."""
    if event.type.startswith("artisan."):
        yield event.data["id"]
    for part in event.data.get("assignments", ()):
        yield part["artisan"]["id"]


def _notices(shop: Shop, payout_ids: Collection[str]) -> Mapping[str, PayoutNotice]:
    """By the ids of the payouts."""
    rows = payouts.by_ids(shop, payout_ids)
    owed = balances.amounts_owed(shop, {row.artisan_id for row in rows})
    kiosks = {row.kiosk_id for row in rows if row.kiosk_id}
    paid = activity.cash_paid_since(shop, kiosks, shop.midnight(shop.today))
    return {row.id: _notice(row, owed[row.artisan_id], paid) for row in rows}


def _notice(row: Payout, owed: int, paid: Mapping[str, int]) -> PayoutNotice:
    return PayoutNotice(
        ArtisanContact.of(row.artisan),
        order=row.about,
        amount=row.amount,
        currency=row.currency,
        owed=owed,
        reference=row.provider_reference,
        cash_code=row.cash_code,
        phone=row.msisdn,
        receipt=CashReceipt(row.kiosk.id, row.kiosk.agent_msisdn, paid.get(row.kiosk.id, 0)) if row.kiosk else None,
    )


def newest(shop: Shop) -> int:
    """The number of the last event, 0 before the first."""
    return shop.session.scalar(select(func.max(Event.seq))) or 0
