"""The interface of session stores, which keep conversations between hops.

A conversation belongs to a person, so its key is an MSISDN. The store does not interpret the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """A saved conversation. Its version is 1 at first and grows by one with every save."""

    version: int
    data: bytes


class Sessions(Protocol):
    """The store. `SqlSessions` is the embedded one, `RedisSessions` the one for many machines.

    `now` is in Unix seconds, `ttl` in seconds; what has expired by `now` is not found.
    """

    def load(self, msisdn: str, now: float) -> Stored | None:
        """The conversation that was saved last, or None."""
        ...

    def save(self, msisdn: str, data: bytes, *, expected: int, now: float, ttl: float) -> bool:
        """Replace version `expected` (0: none) by `data`, as version `expected + 1`.

        False, and nothing is saved, if another save came first. Also False if the store's answer was lost and the
        retry found our own save; so after False the caller loads again and compares.
        """
        ...

    def delete(self, msisdn: str) -> None:
        """Delete the conversation, whatever its version."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...

    def ping(self) -> None:
        """Raises if the store does not answer; Redis, also if it stores nothing."""
        ...
