"""The services that all hops share, and the context of a single hop.

with resources.context(msisdn, now) as context:
    person = load_profile(context, session.last_profile)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime

from bot.conversation import deferred
from bot.conversation.session import Session, new_session, read
from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace.port import Marketplace, MarketplaceSession, Unreachable
from bot.marketplace.wire import CallerProfile
from bot.runtime.clock import Clock
from flows.commands import Command, Outcome
from flows.kit import N_, Person
from marketplace_api.shop import Ids
from state import people
from state.sessions import Sessions, Stored

MAX_ATTEMPTS = 8
"""How often a hop is repeated when another hop of the same person saved the session first."""

OUT_OF_REACH = N_("The shop cannot be reached just now. Please try again in a few minutes.")


class LostRaceError(RuntimeError):
    """Other hops saved the session first in every attempt."""


@dataclass(frozen=True, slots=True)
class HopContext:
    """One person for one hop: the shop on behalf of this person, and the hop's transactions."""

    marketplace: Marketplace
    market: MarketplaceSession
    work: UnitOfWork
    msisdn: str
    now: datetime
    ids: Ids

    def transaction(self) -> AbstractContextManager[object]:
        """One transaction for the block if the shop is local; none if it is remote, so no lock is held during HTTP."""
        return self.work.writing() if self.marketplace.is_local else nullcontext()

    def perform(self, command: Command, key: str) -> Outcome:
        """Let the shop perform a command once for `key`.

        Raises Unreachable, also while an earlier command of this person is still deferred: they keep their order.
        """
        if not self.marketplace.is_local:
            with self.work.reading() as conn:
                if deferred.has_waiting(conn, self.msisdn):
                    raise Unreachable("an earlier command is waiting")
        return self.market.perform(command, key)


@dataclass(frozen=True, slots=True)
class HopResources:
    """What the hops of all people share."""

    sessions: Sessions
    database: Database
    clock: Clock
    ids: Ids
    marketplace: Marketplace

    @contextmanager
    def context(self, msisdn: str, now: datetime) -> Iterator[HopContext]:
        """The context of one hop; its database connection, if it opened one, is closed at the end."""
        work = UnitOfWork(self.database)
        try:
            market = self.marketplace.session(work, msisdn, now)
            yield HopContext(self.marketplace, market, work, msisdn, now, self.ids)
        finally:
            work.close()


def postponed(stored: Stored | None, context: HopContext) -> Session:
    """The session as it was before this hop, so that the same question is asked again later."""
    session = read(stored) or new_session(context.msisdn)
    session.person = refresh_profile(context, session.person)
    session.left_at = context.now.timestamp()
    return session


def load_profile(context: HopContext, last: Person | None) -> Person:
    """The person's profile from the marketplace and our own database.

    While the marketplace is unreachable, its part of the profile is taken from `last`; raises Unreachable if that is
    None.
    """
    try:
        caller = context.market.caller()
    except Unreachable:
        if last is None:
            raise
        return refresh_profile(context, last)
    return _person(context, caller)


def refresh_profile(context: HopContext, last: Person) -> Person:
    """The `last` profile, updated from our own database only; the marketplace is not asked."""
    return _person(context, CallerProfile(last.name, last.artisan, last.agent, last.kiosk))


def _person(context: HopContext, caller: CallerProfile) -> Person:
    with context.work.reading() as conn:
        record = people.find(conn, context.msisdn)
    return Person(
        context.msisdn,
        language=record.language if record else None,
        name=caller.name,
        artisan=caller.artisan,
        agent=caller.agent,
        kiosk=caller.kiosk,
        pin=record.has_pin if record else False,
    )
