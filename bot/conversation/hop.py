"""The services that all hops share, and the context of a single hop.

with resources.claims.open(msisdn, wait_s) as claim, resources.context(claim, secrets) as context:
    person = load_profile(context, session.last_profile)
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeVar

from bot.conversation import deferred
from bot.conversation.callers import CallerReader, Known
from bot.conversation.claims import Claim, Claims
from bot.conversation.hop_counts import AnsweredState
from bot.conversation.session import Session, new_session
from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace.port import Marketplace, MarketplaceSession, Unreachable
from bot.marketplace.wire import CallerProfile
from bot.runtime.clock import Clock
from flows.commands import Command, Outcome
from flows.kit import N_, Person
from marketplace_api.shop import Ids
from state import people
from state.pins import Hashes, HashNeeded, Peppers
from state.sessions import Sessions

T = TypeVar("T")

MAX_ATTEMPTS = 8
"""How often a hop is handled again after it has lost its claim, because it was slower than its lease."""

OUT_OF_REACH = N_("The shop cannot be reached just now. Please try again in a few minutes.")


class LostRaceError(RuntimeError):
    """A hop has lost its claim in every attempt."""


@dataclass(slots=True)
class HopSecrets:
    """What one hop has computed for PINs, in all of its attempts."""

    hashes: Hashes
    reset_code: str = ""
    """The one-time code that the hop offers, drawn in its first attempt."""


@dataclass(slots=True, eq=False)
class HopContext:
    """One person for one hop: the shop on behalf of this person, and the hop's transactions."""

    marketplace: Marketplace
    market: MarketplaceSession
    work: UnitOfWork
    msisdn: str
    now: datetime
    ids: Ids
    secrets: HopSecrets
    effects: ExitStack | None = None
    """Closed at the end of the hop, before the session is saved; None if the hop has performed nothing."""
    answered: AnsweredState | None = None
    """What the hop's last answer was for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            if self.effects:
                self.effects.__exit__(*error)
        finally:
            self.work.close()

    def begin_effects(self) -> None:
        """Begin the transaction of the hop's commands, if the shop is local. It ends with the hop."""
        self.effects = self.effects or ExitStack()
        self.effects.enter_context(self.transaction())

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
    pause: Callable[[float], None] = time.sleep
    new_holder: Callable[[], str] = secrets.token_hex
    callers: CallerReader | None = None
    """None with a remote shop, which alone knows the profiles."""
    claims: Claims = field(init=False)

    def __post_init__(self) -> None:
        claims = Claims(self.sessions, self.database, self.clock, self.pause, self.new_holder)
        object.__setattr__(self, "claims", claims)

    def context(self, claim: Claim, secrets: HopSecrets) -> HopContext:
        """The context of one hop; its database connection, if it opened one, is closed at the end."""
        work = UnitOfWork(self.database, claim.take, claim.hold)
        market = self.marketplace.session(work, claim.msisdn, claim.now)
        return HopContext(self.marketplace, market, work, claim.msisdn, claim.now, self.ids, secrets)


def attempt(claim: Claim, peppers: Peppers, hop: Callable[[HopSecrets], T]) -> T:
    """Handle a hop under its claim; once more, after its transaction is rolled back, for each hash that it misses."""
    secrets = HopSecrets(Hashes(peppers))
    for _ in range(MAX_ATTEMPTS):
        try:
            return hop(secrets)
        except HashNeeded as needed:
            secrets.hashes.compute(needed)
            claim.start_again()
    raise LostRaceError(claim.msisdn)


def postponed(claim: Claim, context: HopContext) -> Session:
    """The session as it was before this hop, so that the same question is asked again later."""
    session = claim.read_again() or new_session(context.msisdn)
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
    return _person(context, CallerProfile(last.name, last.artisan, last.agent, last.kiosk, last.locale))


def _person(context: HopContext, caller: CallerProfile) -> Person:
    with context.work.reading() as conn:
        record = people.find(conn, context.msisdn)
    known = Known(record.language, record.keyword_language, record.has_pin) if record else Known(None, None, False)
    return person_of(context.msisdn, caller, known)


def person_of(msisdn: str, caller: CallerProfile, known: Known) -> Person:
    """The person with this profile in the shop, whom we know so."""
    return Person(
        msisdn,
        language=_language(known, caller),
        name=caller.name,
        artisan=caller.artisan,
        agent=caller.agent,
        kiosk=caller.kiosk,
        pin=known.has_pin,
        locale=caller.locale,
    )


def _language(known: Known, caller: CallerProfile) -> str | None:
    """The language that the person chose, else the locale of their latest order, else the language of a keyword.

    None as long as the person neither chose a language nor used a keyword: then the language is asked at first contact.
    """
    return known.language or (known.keyword_language and (caller.locale or known.keyword_language))
