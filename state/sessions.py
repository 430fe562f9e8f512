"""The interface of session stores, which keep conversations between hops.

A conversation belongs to a person, so its key is an MSISDN. The store does not interpret the bytes.

    claim = store.claim(msisdn, holder, now=now, lease=2.5)      None while another hop holds the person
    store.save(msisdn, data, holder, now=now, ttl=600)           stores and releases

Who holds a claim is the only one who may save. A claim whose holder died ends with its lease. While nobody holds one,
what was seen may be replaced:

    seen = store.look(msisdn, now)                               None while somebody holds the person
    store.replace(msisdn, seen, data, now=now, ttl=600)          stores, if nothing has happened in between
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim, and the conversation that was saved last, or None.

    `left_by` is the holder before if it neither saved nor released: it died, or may still be at work. Else it is empty.
    """

    data: bytes | None
    left_by: str = ""


class Seen(msgspec.Struct, frozen=True):
    """A conversation that was saved, and when it expires, in Unix seconds."""

    data: bytes
    expires_at: float


@dataclass(frozen=True, slots=True)
class SidePage:
    """What a conversation rarely needs, kept beside it, so that not every hop reads and writes it.

    A person has `PAGES` of them. A page replaces the one that was saved under the same `slot`.
    """

    slot: int
    data: bytes


PAGES = 20
RENEWED = 0.99
"""The part of its time to live that a conversation must have left, or it gets another time at which it expires."""


class Sessions(Protocol):
    """The store. `SqlSessions` is the embedded one, `RedisSessions` and `GroupSessions` those for many machines.

    `now` is in Unix seconds, `ttl` and `lease` in seconds; what has expired by `now` is not found. `holder` is a name
    that no other claim has. Neither a holder nor what is saved is empty.
    """

    def load(self, msisdn: str, now: float) -> bytes | None:
        """The conversation that was saved last, or None."""
        ...

    def look(self, msisdn: str, now: float) -> Seen | None:
        """The conversation that was saved last. None if there is none, or if a claim was neither saved nor released."""
        ...

    def replace(
        self, msisdn: str, seen: Seen, data: bytes, *, now: float, ttl: float, page: SidePage | None = None
    ) -> Seen | None:
        """Store the conversation in place of what was seen, with a page if one is given, in one step.

        Returns what is stored now. None, and nothing is stored, if another one is there by now, or a claim; also as
        for `save`. It may expire earlier than after `ttl`, by a hundredth of it.
        """
        ...

    def claim(self, msisdn: str, holder: str, *, now: float, lease: float) -> Claimed | None:
        """Claim the person for `lease` and load the conversation, in one step. None while another claim is valid."""
        ...

    def save(
        self, msisdn: str, data: bytes, holder: str, *, now: float, ttl: float, page: SidePage | None = None
    ) -> bool:
        """Store the conversation, with a page if one is given, and release the claim, in one step.

        False, and nothing is stored, if the claim of `holder` was released or taken over. Also False if the store's
        answer was lost and the retry found our own save; so after False the caller claims again and compares.
        """
        ...

    def pages(self, msisdn: str) -> list[bytes]:
        """The pages of a person, in no order."""
        ...

    def release(self, msisdn: str, holder: str, *, is_done: bool) -> None:
        """Release the claim of `holder`, if it still has it, and store nothing.

        With `is_done` false the next claim says that it was `left_by` this holder.
        """
        ...

    def delete(self, msisdn: str) -> None:
        """Delete the conversation with its pages, and the claim."""
        ...

    def mentioning(self, matches: Callable[[bytes], bool]) -> list[str]:
        """The persons of whom a saved conversation or page `matches`; reads all of them."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...

    def ping(self) -> None:
        """Raises if the store does not answer; Redis, also if it stores nothing."""
        ...
