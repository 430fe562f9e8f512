"""The interface of a marketplace, local or remote, as the bot uses it.

    marketplace.session(work, msisdn, now)   the shop on behalf of one person, for one hop
    marketplace.events(after=7, limit=100)   events, with all data for the messages about them

There are two implementations: our own shop, which shares our transactions (`bot/marketplace/local.py`), and a client
(`bot/marketplace/remote.py`) of a shop on another server, which runs `bot/marketplace/http_api.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.db.unit_of_work import UnitOfWork
from bot.marketplace.event_details import EventData, EventDetails
from bot.marketplace.wire import ArtisanContact, CallerProfile
from flows.commands import Command, Outcome
from flows.market import Market, OutOfReach


class Unreachable(OutOfReach):
    """The shop gave no usable answer: it is down, slow or broken. The request may or may not have been performed.

    `retry_after` is the wait that the shop asked for.
    """

    def __init__(self, why: str, retry_after: timedelta | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class MarketplaceSession(Market, Protocol):
    """The shop on behalf of one person, for one hop. Every method may raise Unreachable."""

    secrets: list[str]
    """The one-time codes that were read. What shows them is stored without them, or sealed."""

    def caller(self) -> CallerProfile:
        """The profile of this person; empty if the shop does not know the phone."""
        ...

    def artisan_of_kiosk(self, msisdn: str) -> ArtisanContact | None:
        """The artisan with this phone, if this person is the agent of the artisan's present or last kiosk.

        None for any other artisan, and for the agent's own phone.
        """
        ...

    def photo_link(self, code: str) -> str | None:
        """The URL where this artisan can upload pictures of a product; None if it is not one of the artisan's."""
        ...

    def perform(self, command: Command, key: str = "") -> Outcome:
        """Perform a command once for a `key`; the outcome is `rejected` if the shop refuses it."""
        ...


class Marketplace(Protocol):
    """A marketplace; `is_local` if its changes are committed and rolled back with our own transaction."""

    @property
    def is_local(self) -> bool: ...

    def session(self, work: UnitOfWork, msisdn: str, now: datetime) -> MarketplaceSession: ...

    def events(self, after: int, limit: int, now: datetime) -> Sequence[EventDetails]:
        """The first `limit` events with a number above `after`, oldest first. May raise Unreachable."""
        ...

    def current(self, id: str, now: datetime) -> EventData | None:
        """The order or payout with this id as it is now; None if our own shop has none. May raise Unreachable."""
        ...

    def newest_event(self, now: datetime) -> int:
        """The number of the last event before this bot began to notify people; 0 if it notifies of all."""
        ...
