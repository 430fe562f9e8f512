"""A hop claims its person before it loads the session, so the hops of one person are handled one after another.

    with claims.open(msisdn, wait_s) as claim:
        session = claim.previous or new_session(msisdn)
        ...
        claim.save(session)

A claim is a short lease in the session store; a hop that meets the claim of another one waits. If the holder dies, its
lease ends and the next hop takes over. If the holder was only slow, the fence keeps it from committing (docs/adr/0025).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.conversation import session as sessions
from bot.conversation.session import KEPT_FOR, Session
from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from state import fences
from state.sessions import Sessions

log = logging.getLogger(__name__)

LEASE_S = 2.5
"""How long a claim is valid, in seconds: longer than a hop waits for a remote shop."""
CALL_WAIT_S = 3.0
"""How long a hop of a call waits for the claim: longer than a lease, shorter than a gateway waits for the screen."""
TEXT_WAIT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.004, 0.1


class LostClaimError(RuntimeError):
    """Another hop has taken the claim over; what this one has not committed must not be committed."""


class ClaimedTooLongError(RuntimeError):
    """Another hop of the same person held the claim for as long as this one could wait."""


class Claim:
    """One person, whom no other hop handles until `save`, or until the end of the lease.

    `previous` is the session before this hop, which the hop may change; None if there is none.
    """

    def __init__(self, store: Sessions, msisdn: str, holder: str, now: datetime, document: bytes | None) -> None:
        self.msisdn, self.now = msisdn, now
        self._store, self._holder, self._document = store, holder, document
        self.previous = self.read_again()
        self._number = self.previous.fence if self.previous else 0
        self._is_raised, self._is_kept, self._is_open = False, False, True

    def read_again(self) -> Session | None:
        """The session as it was before this hop, without what the hop has changed."""
        return sessions.read(self._document)

    def start_again(self) -> None:
        """Forget what an attempt has changed in the session; the claim stays."""
        self.previous = self.read_again()

    def hold(self, conn: Connection) -> None:
        """Called at the end of a transaction. Raises LostClaimError if another hop has taken the claim over."""
        if not self._is_kept and not fences.hold(conn, self.msisdn, self._number):
            raise LostClaimError(self.msisdn)
        self._is_kept = False

    def take_over(self, conn: Connection, left_by: str) -> None:
        """Wait for the transaction of the holder before, and bar its later ones; find the session that it has kept."""
        self._number, self._is_raised = fences.raise_number(conn, self.msisdn), True
        if kept := fences.inherit(conn, self.msisdn, left_by, self._holder):
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
        """Save the session and release the claim. False, and nothing is saved, if another hop has taken it over."""
        session.fence = self._number
        document, now = sessions.encode(session), self.now.timestamp()
        is_saved = self._store.save(self.msisdn, document, self._holder, now=now, ttl=KEPT_FOR)
        self._is_open = False
        return is_saved

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

    @contextmanager
    def open(self, msisdn: str, wait_s: float) -> Iterator[Claim]:
        """Claim the person and load the session: one round trip, unless another hop holds the claim.

        If the block raises, or neither saves nor raises, the claim is released at its end. Raises ClaimedTooLongError.
        """
        claim, left_by = self._claim(msisdn, wait_s)
        try:
            if left_by:
                with self.database.writing.begin() as db:
                    claim.take_over(db.connection(), left_by)
            yield claim
            claim.finish()
        finally:
            claim.leave()

    def _claim(self, msisdn: str, wait_s: float) -> tuple[Claim, str]:
        """A claim, and the holder before if it neither saved nor released."""
        holder = self.new_holder()
        for pause in (0.0, *_pauses(wait_s)):
            if pause:
                self.pause(pause)
            now = self.clock()
            if claimed := self.store.claim(msisdn, holder, now=now.timestamp(), lease=LEASE_S):
                return Claim(self.store, msisdn, holder, now, claimed.data), claimed.left_by
        raise ClaimedTooLongError(msisdn)


def _pauses(total_s: float) -> Iterator[float]:
    """Growing pauses in seconds that make up the total."""
    pause = FIRST_PAUSE_S
    while total_s > 0:
        yield min(pause, total_s)
        total_s -= pause
        pause = min(pause * 1.5, LONGEST_PAUSE_S)
