"""What a bot and a remote shop exchange as JSON on `/phones/…`, besides the values of `flows.market`.

    GET /phones/{msisdn}     {"name": "Akinyi Ouma", "artisan": true, "agent": false, "kiosk": ""}
    GET /phones/news         {"data": [{"seq": 7, "type": "order.placed", "data": {…}, "makers": {…}, …}]}

The two sides may run different versions, so JSON names stay, and unknown fields are ignored. Amounts are minor units.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from flows.commands import Outcome
from flows.market import KioskSummary
from marketplace_api.models import Artisan


class CallerProfile(msgspec.Struct, frozen=True):
    """What a shop knows of a caller; `kiosk` is the name of the kiosk where the caller is the agent."""

    name: str = ""
    artisan: bool = False
    agent: bool = False
    kiosk: str = ""


class ArtisanContact(msgspec.Struct, frozen=True):
    """What messages to an artisan need; `kiosk` is the name of the artisan's kiosk."""

    id: str
    msisdn: str
    name: str
    language: str
    kiosk: str

    @classmethod
    def of(cls, row: Artisan) -> Self:
        return cls(row.id, row.msisdn, row.name, row.language, row.kiosk.name)


class CashReceipt(msgspec.Struct, frozen=True):
    """What the receipt to an agent needs; `agent` is the agent's MSISDN, `paid_today` all cash paid there today."""

    kiosk_id: str
    agent: str
    paid_today: int


class PayoutNotice(msgspec.Struct, frozen=True):
    """What messages about a payout need; `owed` is all that the artisan is still owed.

    `order` is the code by which people know the payout, `phone` the MSISDN to which it is paid.
    """

    artisan: ArtisanContact = msgspec.field(name="maker")
    order: str
    amount: int
    currency: str
    owed: int
    reference: str | None = None
    cash_code: str | None = None
    """The one-time code for cash. A secret of the artisan: the kiosk pays the person who shows it."""
    phone: str | None = None
    receipt: CashReceipt | None = msgspec.field(default=None, name="drawer")


class EventRecord(msgspec.Struct, frozen=True):
    """An event: its resource in `data`, as the API shows it to operators, and the people whom it concerns."""

    seq: int
    id: str
    type: str
    """An `EventType`, or a type that only a newer shop knows."""
    created_at: datetime
    data: dict[str, Any]  # msgspec has no JSON schema for `object`
    artisans: dict[str, ArtisanContact] = msgspec.field(name="makers")
    """Every artisan whom the event concerns, by id."""
    notice: PayoutNotice | None = msgspec.field(default=None, name="due")


class RecentEvents(msgspec.Struct, frozen=True):
    """Events, oldest first."""

    data: list[EventRecord]


class ShopFacts(msgspec.Struct, frozen=True):
    """What is the same for all callers; `newest` is the number of the last event."""

    crafts: list[tuple[str, str]]
    kiosks: list[KioskSummary]
    commission_percent: Annotated[int, Meta(ge=0, le=100)]
    newest: int


class CommandResult(msgspec.Struct, frozen=True):
    """The outcome of a command, and the caller's profile after it."""

    outcome: Outcome
    caller: CallerProfile = msgspec.field(name="speaker")
