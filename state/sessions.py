"""Where conversations wait between hops: what every session store promises.

A conversation belongs to a person, so its key is her MSISDN. The store never reads the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """A conversation as it was saved. Its version is 1 at first and one more with every save."""

    version: int
    data: bytes


class Sessions(Protocol):
    """The store. `SqlSessions` is the embedded one, `RedisSessions` the one for many machines.

    `now` is in Unix seconds, `ttl` in seconds; what has expired by `now` reads as not there.
    """

    def load(self, msisdn: str, now: float) -> Stored | None:
        """What was saved last, or None."""
        ...

    def save(self, msisdn: str, data: bytes, *, expected: int, now: float, ttl: float) -> bool:
        """Put `data` in place of version `expected` (0: of nothing), as version `expected + 1`.

        False, and nothing written, when somebody else saved first. Also False when the store's answer
        was lost and asking again found our own save, so whoever hears False loads and looks.
        """
        ...

    def delete(self, msisdn: str) -> None:
        """Forget the conversation, whatever its version."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...

    def ping(self) -> None:
        """Return if the store answers; raises if not."""
        ...
