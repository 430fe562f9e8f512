"""Copies of the sessions that this process saved last, so that a hop need not read the store first (docs/adr/0037).

A copy may be old: another process may have saved the session since, or deleted it. So the store
has to compare it before anything is answered or done.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from state.sessions import Seen

COPIES_KEPT = 10_000
"""About 1 kB each."""
TRUSTED_AFTER = 8
"""So many copies in a row must have been the newest. Where several processes share the calls, most are not, and one
that is refused costs more than a read."""


class SessionCopies:
    """Sessions by phone; the `COPIES_KEPT` latest ones are kept."""

    def __init__(self) -> None:
        self._copies: OrderedDict[str, Seen] = OrderedDict()
        self._lock = Lock()
        self._newest_in_a_row = TRUSTED_AFTER

    def find(self, msisdn: str, now: float) -> Seen | None:
        """The copy of a phone's session; None if there is none that has not expired, or if copies are often old."""
        copy = self._copies.get(msisdn) if self._newest_in_a_row >= TRUSTED_AFTER else None
        return copy if copy and copy.expires_at > now else None

    def keep(self, msisdn: str, saved: Seen) -> None:
        """Keep what this process has saved."""
        with self._lock:
            self._copies[msisdn] = saved
            self._copies.move_to_end(msisdn)
            if len(self._copies) > COPIES_KEPT:
                self._copies.popitem(last=False)

    def compare(self, msisdn: str, seen: Seen | None) -> None:
        """Note whether the copy of a phone, if there is one, is what the store has."""
        copy = self._copies.get(msisdn)
        if copy and seen and copy.data == seen.data:
            self._newest_in_a_row += 1
        elif copy:
            self.drop(msisdn)

    def drop(self, msisdn: str) -> None:
        """Drop a copy that is old."""
        self._newest_in_a_row = 0
        with self._lock:
            self._copies.pop(msisdn, None)
