"""The JSON that a bot and a remote shop exchange on `/phones/…`, in addition to the values of `flows.market`.

    GET /phones/{msisdn}     {"name": "Akinyi Ouma", "artisan": true, "agent": false, "kiosk": ""}
    GET /phones/news         {"data": [{"seq": 7, "type": "order.placed", "data": {…}, "makers": {…}, …}]}

The two sides may run different versions, so JSON names stay, and unknown fields are ignored. Amounts are minor units.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from flows.commands import Outcome
from flows.market import KioskSummary
from marketplace_api.models import Artisan


class CallerProfile(msgspec.Struct, frozen=True):
    """The caller profile that a shop gives; `kiosk` is the name of the kiosk where the caller is the agent.

    `locale` is the locale of the caller's latest order as a buyer.
    """

    name: str = ""
    artisan: bool = False
    agent: bool = False
    kiosk: str = ""
    locale: str | None = None


class ArtisanContact(msgspec.Struct, frozen=True):
    """The data for messages to an artisan; `kiosk` is the name of the artisan's kiosk."""

    id: str
    msisdn: str
    name: str
    language: str
    kiosk: str

    @classmethod
    def of(cls, row: Artisan) -> Self:
        return cls(row.id, row.msisdn, row.name, row.language, row.kiosk.name)


class CashReceipt(msgspec.Struct, frozen=True):
    """The data for an agent's receipt; `agent` is the agent's MSISDN, `paid_today` the sum paid in cash today."""

    kiosk_id: str
    agent: str
    paid_today: int


class PayoutNotice(msgspec.Struct, frozen=True):
    """The data for messages about a payout; `owed` is the amount that the artisan is still owed in total.

    `order` is the order's code, or the payout's own if it has no order; `phone` is the MSISDN to which it is paid.
    """

    artisan: ArtisanContact = msgspec.field(name="maker")
    order: str
    amount: int
    currency: str
    owed: int
    reference: str | None = None
    cash_code: str | None = None
    """The one-time code for cash. Only the artisan may know it: the kiosk pays the person who shows it."""
    phone: str | None = None
    receipt: CashReceipt | None = msgspec.field(default=None, name="drawer")
    hold: str | None = None
    """Why it is held, a `marketplace_api.statuses.HoldReason`; None if it is not."""
    held_until: date | None = None
    """The day from which a phone that is too new is paid."""


class PurchaseNotice(msgspec.Struct, frozen=True):
    """The data for messages to a buyer about money that the buyer paid; `phone` is the buyer's MSISDN.

    `order` is the code, `locale` the order's. `method` is how it was paid, a
    `marketplace_api.statuses.BuyerPaymentMethod`. `unpaid` is what the order still costs in minor units of `currency`,
    the shop's: 0 unless it waits for payment. `back` minor units of `back_currency` go back to the buyer by an event of
    the order itself.
    """

    order: str
    phone: str
    locale: str
    currency: str
    method: str = ""
    unpaid: int = 0
    is_paid: bool = False
    """True if a payment was kept, or a storefront vouches for the order."""
    back: int = 0
    back_currency: str = ""


class ShippingNotice(msgspec.Struct, frozen=True):
    """The data for a reminder to ship an order; `agent` is the MSISDN of the agent of its kiosk."""

    kiosk_id: str
    kiosk: str
    agent: str
    ship_by: date


class EventRecord(msgspec.Struct, frozen=True):
    """An event: its resource in `data`, as the API shows it to operators, and the people whom it concerns."""

    seq: int
    id: str
    type: str
    """An `EventType`, or a newer type that this version does not know."""
    created_at: datetime
    data: dict[str, Any]  # msgspec has no JSON schema for `object`
    artisans: dict[str, ArtisanContact] = msgspec.field(name="makers")
    """Every artisan whom the event concerns, by id."""
    notice: PayoutNotice | None = msgspec.field(default=None, name="due")
    by: str | None = None
    """Who caused it, as `marketplace_api.actors` writes it; None from a shop that does not say it."""
    shipping: ShippingNotice | None = None
    purchase: PurchaseNotice | None = None
    """Of payments, refunds, and orders that their buyers paid."""


class RecentEvents(msgspec.Struct, frozen=True):
    """Events, oldest first."""

    data: list[EventRecord]


class ShopFacts(msgspec.Struct, frozen=True):
    """The facts that are the same for all callers; `newest` is the number of the last event."""

    crafts: list[tuple[str, str]]
    kiosks: list[KioskSummary]
    commission_percent: Annotated[int, Meta(ge=0, le=100)]
    newest: int


class CommandResult(msgspec.Struct, frozen=True):
    """The outcome of a command, and the caller's profile after it."""

    outcome: Outcome
    caller: CallerProfile = msgspec.field(name="speaker")
