"""The narrow waist: all that the hall asks of a marketplace, wherever that is.

    marketplace.session(work, msisdn, now)   the shop on behalf of one person, for one hop
    marketplace.events(after=7, limit=100)   what happened, with all that texts about it need

Two stand behind it: our own, which shares our transactions (`bot/marketplace/local.py`), and one elsewhere, which is
reached over HTTP (`bot/marketplace/remote.py`) and answers from `bot/marketplace/http_api.py` there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol, Self

import msgspec
from msgspec import Meta

from bot.db.unit_of_work import UnitOfWork
from flows.commands import Command, Outcome
from flows.market import KioskSummary, Market
from marketplace_api.models import Artisan


class Unreachable(Exception):  # noqa: N818 - what it is called wherever it is met
    """The shop gave no answer that can be used: it is down, slow or broken. What was asked may be done or not."""


class CallerProfile(msgspec.Struct, frozen=True):
    """Who speaks, as the shop knows her; `kiosk` is the name of the one where she is the agent."""

    name: str = ""
    artisan: bool = False
    agent: bool = False
    kiosk: str = ""


class ArtisanContact(msgspec.Struct, frozen=True):
    """An artisan, as texts to her need her; `kiosk` is the name of hers."""

    id: str
    msisdn: str
    name: str
    language: str
    kiosk: str

    @classmethod
    def of(cls, row: Artisan) -> Self:
        return cls(row.id, row.msisdn, row.name, row.language, row.kiosk.name)


class CashReceipt(msgspec.Struct, frozen=True):
    """The kiosk that paid cash, as the receipt to its `agent`'s phone needs it; `paid_today` is in minor units."""

    kiosk_id: str
    agent: str
    paid_today: int


class PayoutNotice(msgspec.Struct, frozen=True):
    """A payout as its texts tell it. Amounts are minor units; `owed` is all that she is still owed.

    `order` is the code that people know it by, `phone` the one it goes to.
    """

    artisan: ArtisanContact = msgspec.field(name="maker")
    order: str
    amount: int
    currency: str
    owed: int
    reference: str | None = None
    cash_code: str | None = None
    """What only she may be told: who shows it at the kiosk is paid."""
    phone: str | None = None
    receipt: CashReceipt | None = msgspec.field(default=None, name="drawer")


class EventDetails(msgspec.Struct, frozen=True):
    """An event of the shop: its resource, and what that does not say of the people it concerns."""

    seq: int
    id: str
    type: str
    created_at: datetime
    data: dict[str, Any]
    artisans: dict[str, ArtisanContact] = msgspec.field(name="makers")
    """By id, every artisan whom it concerns."""
    notice: PayoutNotice | None = msgspec.field(default=None, name="due")


class MarketplaceSession(Market, Protocol):
    """The shop on behalf of one person, for one hop. Whatever is asked may raise Unreachable."""

    def caller(self) -> CallerProfile: ...

    def artisan_of_kiosk(self, msisdn: str) -> ArtisanContact | None:
        """Another person, who brings her wares to the kiosk where this one is the agent, or did until she left."""
        ...

    def photo_link(self, code: str) -> str | None:
        """Where she can send pictures of a product from a browser; None when she sells no such."""
        ...

    def perform(self, command: Command, key: str = "") -> Outcome:
        """Does what is asked once for a `key`, or says why the shop refuses."""
        ...


class Marketplace(Protocol):
    """A marketplace; `here` when what is done there is kept or undone with our own transaction."""

    @property
    def is_local(self) -> bool: ...

    def session(self, work: UnitOfWork, msisdn: str, now: datetime) -> MarketplaceSession: ...

    def events(self, after: int, limit: int, now: datetime) -> Sequence[EventDetails]:
        """The first events after the number `after`, oldest first."""
        ...

    def newest_event(self, now: datetime) -> int:
        """The number from which on a bot that has never been here tells what happens."""
        ...


# What crosses the wire beside the dialogues' own values.


class ShopFacts(msgspec.Struct, frozen=True):
    """What is the same for everybody; `newest` is the number of the last event."""

    crafts: list[tuple[str, str]]
    kiosks: list[KioskSummary]
    commission_percent: Annotated[int, Meta(ge=0, le=100)]
    newest: int


class CommandResult(msgspec.Struct, frozen=True):
    """What became of a command, and who she is after it."""

    outcome: Outcome
    caller: CallerProfile = msgspec.field(name="speaker")


class RecentEvents(msgspec.Struct, frozen=True):
    """Events, oldest first."""

    data: list[EventDetails]
