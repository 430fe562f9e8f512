"""Orders of strangers: what may be texted about an order for which nobody vouches, and which nobody has paid.

Its buyer has confirmed it once a text with its code came from the buyer's phone. Until then that phone gets one text at
most, in our words only, and only if it belongs to a country where buyers may be texted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection

from bot.marketplace.event_details import OrderData, PaymentProgress
from bot.messaging.queue import CONFIRMATION
from flows import msisdn
from flows.reading import codes
from state import messages

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def is_unconfirmed(conn: Connection, order: OrderData) -> bool:
    """True if nobody vouches for the order, and no text with its code came from the buyer's phone since it exists."""
    if order.payment_status is not PaymentProgress.UNPAID:
        return False
    return not _was_named(conn, order.buyer.phone, order.code, order.created_at or _LONG_AGO)


def may_be_asked(conn: Connection, phone: str, countries: Collection[str]) -> bool:
    """True if the phone of an unconfirmed order may get its one text: it has not had one that it did not confirm."""
    if msisdn.country(phone) not in countries:
        return False
    asked = messages.unconfirmed_orders(conn, phone, CONFIRMATION)
    return all(_was_named(conn, phone, code, asked_at) for code, asked_at in asked)


def _was_named(conn: Connection, phone: str, code: str, since: datetime) -> bool:
    found = (codes.find(text) for text in messages.inbound_since(conn, phone, since))
    return any(named and codes.read(named[0]) == code for named in found)
