"""A hop claims its person before it loads the session, so the hops of one person are handled one after another.

    with claims.open(msisdn, wait_s) as claim:
        session = claim.previous or new_session(msisdn)
        ...
        claim.save(session)

A claim is a short lease in the session store; a hop that meets the claim of another one waits. If the holder dies, its
lease ends and the next hop takes over. If the holder was only slow, the fence keeps it from committing (docs/adr/0025).

A hop of a call takes its claim as late as it can: before its first write transaction, or never if it only moves through
menus. Until then it works on the session that it has seen, and its save fails if that is not the newest any more, or if
another hop holds the claim (docs/adr/0038). What it has seen may be this process's copy of the session (docs/adr/0037).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from sqlalchemy import Connection

from bot.conversation import session as sessions
from bot.conversation.session import KEPT_FOR, LARGEST, Session
from bot.conversation.session_copies import SessionCopies
from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from state import fences
from state.sessions import Seen, Sessions

log = logging.getLogger(__name__)

LEASE_S = 2.5
"""How long a claim is valid, in seconds: longer than a hop waits for a remote shop."""
CALL_WAIT_S = 3.0
"""How long a hop of a call waits for the claim: longer than a lease, shorter than a gateway waits for the screen."""
TEXT_WAIT_S = 10.0
MOST_KEPT = 2
"""With so few replies, a session that is too long is saved as it is: pages would not hold forty replies."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.004, 0.1


class LostClaimError(RuntimeError):
    """Another hop has taken the claim over; what this one has not committed must not be committed."""


class StaleCopyError(LostClaimError):
    """The copy of a session with which a hop worked is not the newest one; the hop has done nothing yet."""


class ClaimedTooLongError(RuntimeError):
    """Another hop of the same person held the claim for as long as this one could wait."""


class Claim:
    """One person, whom no other hop handles until `save`, or until the end of the lease.

    `previous` is the session before this hop, which the hop may change; None if there is none. While `is_copy`, it may
    be an old one: the store has not been asked yet.
    """

    def __init__(
        self,
        claims: Claims,
        msisdn: str,
        now: datetime,
        document: bytes | None,
        holder: str = "",
        seen: Seen | None = None,
        *,
        is_copy: bool = False,
    ) -> None:
        self.msisdn, self.now = msisdn, now
        self._claims, self._store = claims, claims.store
        self._holder, self._document, self._seen = holder, document, seen
        self.previous = self.read_again()
        self._number = self.previous.fence if self.previous else 0
        self._is_raised, self._is_kept, self._is_open = False, False, seen is None
        self.is_copy = is_copy

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        if not self._is_open:
            return
        try:
            if kind is None:
                self.finish()
        finally:
            self.leave()

    def read_again(self) -> Session | None:
        """The session as it was before this hop, without what the hop has changed."""
        return sessions.read(self._document)

    def start_again(self) -> None:
        """Forget what an attempt has changed in the session; the claim stays."""
        self.previous = self.read_again()

    def confirm(self) -> None:
        """Called before a reply with which nothing is saved. Raises StaleCopyError."""
        if self._seen and self.is_copy:
            seen = self._store.look(self.msisdn, self.now.timestamp())
            if seen is None or seen.data != self._seen.data:
                raise self._lost()
            self.is_copy = False

    def _lost(self) -> LostClaimError:
        """The error of a hop for which the store has another session than it has seen."""
        if not self.is_copy:
            return LostClaimError(self.msisdn)
        self._claims.copies.drop(self.msisdn)
        return StaleCopyError(self.msisdn)

    def take(self) -> None:
        """Called before a transaction. Raises LostClaimError if what was seen is not the newest any more."""
        if self._seen is None:
            return
        seen, self._seen, self._holder = self._seen, None, self._claims.new_holder()
        claimed = self._store.claim(self.msisdn, self._holder, now=self.now.timestamp(), lease=LEASE_S)
        if claimed is None:
            raise LostClaimError(self.msisdn)
        self._is_open = True
        if claimed.left_by:
            self._claims.take_over(self, claimed.left_by)
            raise LostClaimError(self.msisdn)
        if claimed.data != seen.data:
            self.finish()
            raise self._lost()
        self.is_copy = False

    def hold(self, conn: Connection) -> None:
        """Called at the end of a transaction. Raises LostClaimError if another hop has taken the claim over."""
        if not self._is_kept and not fences.hold(conn, self.msisdn, self._number):
            raise LostClaimError(self.msisdn)
        self._is_kept = False

    def take_over(self, conn: Connection, left_by: str) -> None:
        """Wait for the transaction of the holder before, and bar its later ones; find the session that it has kept.

        Also find one that an earlier hop has kept if the store is behind: a Redis replica that becomes the master may
        lack the last sessions.
        """
        self._number, self._is_raised = fences.raise_number(conn, self.msisdn), True
        kept = fences.inherit(conn, self.msisdn, left_by, self._holder)
        if not kept and self.previous:
            kept = fences.kept(conn, self.msisdn)
            found = sessions.read(kept)
            if not found or found.fence <= self.previous.fence:
                return
            if found.left_at < self.previous.left_at:  # that session has expired since, and this one began again
                return
        if kept:
            self._document = kept
            self.previous = self.read_again()

    def keep(self, conn: Connection, session: Session) -> None:
        """Keep the session in the transaction of its effects, for the case that this hop dies before it saves it.

        Raises LostClaimError.
        """
        session.fence = self._number + 1
        if not fences.keep(conn, self.msisdn, self._number, sessions.encode(session), self._holder):
            raise LostClaimError(self.msisdn)
        self._number, self._is_kept = session.fence, True

    def save(self, session: Session) -> bool:
        """Save the session and release the claim. False, and nothing is saved, if another hop has taken it over.

        Raises StaleCopyError.
        """
        session.fence = self._number
        document, page, now = sessions.encode(session), None, self.now.timestamp()
        if len(document) > LARGEST and len(session.replies) > MOST_KEPT:
            page = session.take_page(self.now)
            document = sessions.encode(session)
        if self._seen:
            saved = self._store.replace(self.msisdn, self._seen, document, now=now, ttl=KEPT_FOR, page=page)
            if saved is None and self.is_copy:
                raise self._lost()
        else:
            is_saved = self._store.save(self.msisdn, document, self._holder, now=now, ttl=KEPT_FOR, page=page)
            saved = Seen(document, now + KEPT_FOR) if is_saved else None
            self._is_open = False
        if saved:
            self._claims.copies.keep(self.msisdn, saved)
        return saved is not None

    def pages(self) -> list[bytes]:
        """The pages that were saved with the session."""
        return self._store.pages(self.msisdn)

    def finish(self) -> None:
        """Release the claim of a hop that has changed nothing; does nothing after `save` or `leave`."""
        if self._is_open and self._is_raised and self.previous:
            self.save(self.previous)
        elif self._is_open:
            self._store.release(self.msisdn, self._holder, is_done=True)
            self._is_open = False

    def leave(self) -> None:
        """Release the claim of a hop that failed, whose effects may be committed already: the next hop takes over."""
        if self._is_open:
            self._is_open = False
            try:
                self._store.release(self.msisdn, self._holder, is_done=False)
            except Exception:
                log.exception("a claim could not be released; it ends with its lease")


@dataclass(frozen=True, slots=True)
class Claims:
    """Opens claims. `pause` waits for some seconds; `new_holder` is a name that no other claim has."""

    store: Sessions
    database: Database
    clock: Clock
    pause: Callable[[float], None]
    new_holder: Callable[[], str]
    copies: SessionCopies = field(default_factory=SessionCopies)

    def open(self, msisdn: str, wait_s: float, *, is_late: bool = False) -> Claim:
        """Claim the person and load the session: one round trip, unless another hop holds the claim.

        With `is_late` the session is only loaded, if nobody holds the claim, or it is this process's copy; `Claim.take`
        then takes the claim. If the block of `with` raises, or neither saves nor raises, the claim is released at its
        end. Raises ClaimedTooLongError.
        """
        claim, left_by = (is_late and self._look(msisdn)) or self._claim(msisdn, wait_s)
        if left_by:
            try:
                self.take_over(claim, left_by)
            except BaseException:
                claim.leave()
                raise
        return claim

    def take_over(self, claim: Claim, left_by: str) -> None:
        """Let a claim take over from the holder before."""
        with self.database.writing.begin() as db:
            claim.take_over(db.connection(), left_by)

    def _look(self, msisdn: str) -> tuple[Claim, str] | None:
        now = self.clock()
        at = now.timestamp()
        if copy := self.copies.find(msisdn, at):
            return Claim(self, msisdn, now, copy.data, seen=copy, is_copy=True), ""
        seen = self.store.look(msisdn, at)
        self.copies.compare(msisdn, seen)
        return (Claim(self, msisdn, now, seen.data, seen=seen), "") if seen else None

    def _claim(self, msisdn: str, wait_s: float) -> tuple[Claim, str]:
        """A claim, and the holder before if it neither saved nor released."""
        holder = self.new_holder()
        for pause in _pauses(wait_s):
            if pause:
                self.pause(pause)
            now = self.clock()
            if claimed := self.store.claim(msisdn, holder, now=now.timestamp(), lease=LEASE_S):
                return Claim(self, msisdn, now, claimed.data, holder), claimed.left_by
        raise ClaimedTooLongError(msisdn)


def _pauses(total_s: float) -> Iterator[float]:
    """None at first, then growing pauses in seconds that make up the total."""
    yield 0.0
    pause = FIRST_PAUSE_S
    while total_s > 0:
        yield min(pause, total_s)
        total_s -= pause
        pause = min(pause * 1.5, LONGEST_PAUSE_S)
