"""The events of our own shop, each with the contacts and the notice that messages about it need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select

from bot.marketplace import purchase_notices
from bot.marketplace.wire import (
    ArtisanContact,
    CashReceipt,
    EventRecord,
    PayoutNotice,
    PurchaseNotice,
    ShippingNotice,
)
from marketplace_api.accounts import artisans
from marketplace_api.events import events
from marketplace_api.kiosks import activity
from marketplace_api.models import Event, Kiosk, Order, Payout
from marketplace_api.orders import closing
from marketplace_api.payments import balances, cash_codes, holds, payouts
from marketplace_api.shop import Shop

CODE_IN_EVENTS = timedelta(days=1)
"""For how long after a code for cash was made it is given to the bot that texts it; later the artisan asks for one."""


def since(shop: Shop, after: int, limit: int) -> Sequence[EventRecord]:
    """The first `limit` events after the one with the number `after`, oldest first; 0 is before the first event."""
    rows = events.since(shop, after, limit)
    if not rows:
        return []  # so it is most of the time, and then there is nothing else to look up
    artisan_ids = {id for row in rows for id in _artisan_ids(row)}
    contacts = {artisan.id: ArtisanContact.of(artisan) for artisan in artisans.by_ids(shop, artisan_ids)}
    notices = _notices(shop, {row.data["id"] for row in rows if row.type.startswith("payout.")})
    shipping = _shipping_notices(shop, {row.data["id"] for row in rows if row.type == "order.shipping_reminded"})
    purchases = purchase_notices.of_events(shop, rows)
    return [_record(row, contacts, notices, shipping, purchases.get(row.id)) for row in rows]


def _record(
    row: Event,
    contacts: Mapping[str, ArtisanContact],
    notices: Mapping[str, PayoutNotice],
    shipping: Mapping[str, ShippingNotice],
    purchase: PurchaseNotice | None,
) -> EventRecord:
    concerned = {id: contacts[id] for id in _artisan_ids(row)}
    about = row.data["id"]
    to_ship = shipping.get(about) if row.type == "order.shipping_reminded" else None
    return EventRecord(
        row.seq, row.id, row.type, row.created_at, row.data, concerned, notices.get(about), row.by, to_ship, purchase
    )


def _artisan_ids(row: Event) -> Iterator[str]:
    """The ids of the artisan that an event is about, or of the artisans who have a part of its order."""
    if row.type.startswith("artisan."):
        yield row.data["id"]
    for part in row.data.get("assignments", ()):
        yield part["artisan"]["id"]


def _notices(shop: Shop, payout_ids: Collection[str]) -> Mapping[str, PayoutNotice]:
    """Notices by payout id; the number of queries does not grow with the number of payouts."""
    if not payout_ids:
        return {}
    rows = payouts.by_ids(shop, payout_ids)
    owed = balances.amounts_owed(shop, {row.artisan_id for row in rows})
    kiosk_ids = {row.kiosk_id for row in rows if row.kiosk_id}
    paid_today = activity.cash_paid_since(shop, kiosk_ids, shop.midnight(shop.today))
    return {row.id: _notice(shop, row, owed[row.artisan_id], paid_today, _cash_code(shop, row)) for row in rows}


def _cash_code(shop: Shop, row: Payout) -> str | None:
    """The code for cash if it was made a short time ago: an old event gives no code away."""
    made_at = row.cash_code_made_at
    return cash_codes.present(shop, row) if made_at and shop.now - made_at < CODE_IN_EVENTS else None


def _notice(shop: Shop, row: Payout, owed: int, paid_today: Mapping[str, int], cash_code: str | None) -> PayoutNotice:
    kiosk = row.kiosk
    return PayoutNotice(
        ArtisanContact.of(row.artisan),
        order=row.about,
        amount=row.amount,
        currency=row.currency,
        owed=owed,
        reference=row.provider_reference,
        cash_code=cash_code,
        phone=row.msisdn,
        hold=row.hold,
        held_until=holds.cooled_off_on(shop, row.artisan),
        receipt=CashReceipt(kiosk.id, kiosk.agent_msisdn, paid_today.get(kiosk.id, 0)) if kiosk else None,
    )


def _shipping_notices(shop: Shop, order_ids: Collection[str]) -> Mapping[str, ShippingNotice]:
    """Notices by order id, of the orders that still have a kiosk."""
    if not order_ids:
        return {}
    with_kiosk = select(Order, Kiosk).join(Kiosk, Order.kiosk_id == Kiosk.id).where(Order.id.in_(order_ids))
    return {
        order.id: ShippingNotice(kiosk.id, kiosk.name, kiosk.agent_msisdn, closing.ship_by(shop, order))
        for order, kiosk in shop.session.execute(with_kiosk)
    }
