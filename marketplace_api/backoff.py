"""The gaps between attempts of whatever is tried again: a request to a provider, a delivery, a step of the worker.

POLLS = Backoff.doubling(timedelta(seconds=30), timedelta(hours=1))
POLLS.gap(1)                                        30 s after the first attempt
POLLS.gap(4)                                        4 min after the fourth
POLLS.gap(1, requested=timedelta(minutes=5))        5 min, because the other side asked for them
POLLS.gap(1, requested=timedelta(days=5))           1 h: never longer than the longest gap
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from typing import Self


@dataclass(frozen=True, slots=True)
class Backoff:
    """The gap after each attempt that failed; no gap is shorter than the one before it.

    Whoever gives up does so when the attempt after the last gap has failed. Whoever does not goes on with the last gap.
    """

    gaps: tuple[timedelta, ...]
    jitter: float = 0.0
    """A gap becomes longer by a random share, up to this one, so that what failed together is not tried together."""

    def __post_init__(self) -> None:
        if not self.gaps or self.gaps[0] <= timedelta() or list(self.gaps) != sorted(self.gaps):
            raise ValueError("the gaps must be positive, and none shorter than the one before it")

    @classmethod
    def doubling(cls, shortest: timedelta, longest: timedelta, jitter: float = 0.0) -> Self:
        """Gaps from `shortest` to `longest`, each twice as long as the one before it."""
        gaps = [shortest]
        while gaps[-1] < longest:
            gaps.append(min(gaps[-1] * 2, longest))
        return cls(tuple(gaps), jitter)

    @property
    def shortest(self) -> timedelta:
        return self.gaps[0]

    @property
    def longest(self) -> timedelta:
        """The last gap. With jitter, a gap may be longer by that share."""
        return self.gaps[-1]

    def gap(self, attempts: int, *, requested: timedelta | None = None, random: Random | None = None) -> timedelta:
        """The gap after so many attempts.

        `requested` is the wait that the other side asked for. It lengthens the gap, up to the longest one.
        """
        ours = self.gaps[min(max(attempts, 1), len(self.gaps)) - 1]
        gap = max(ours, min(requested or ours, self.longest))
        return gap * (1 + self.jitter * random.random()) if random else gap

    def is_spent(self, attempts: int) -> bool:
        """True if the attempt after the last gap was made."""
        return attempts > len(self.gaps)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """The wait in a `Retry-After` header: seconds or a date (RFC 9110 §10.2.3). None if it cannot be read."""
    if header is None:
        return None
    if re.fullmatch("[0-9]{1,9}", header):
        return timedelta(seconds=int(header))
    try:
        return max(parsedate_to_datetime(header).astimezone(UTC) - now, timedelta())
    except (ValueError, OverflowError):  # not a date, or one at the end of the calendar
        return None
