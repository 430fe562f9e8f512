"""What became of hops, by dialogue and state: counted in memory, and written once a minute by a thread of its own.

    came        the state was shown
    answered    an answer to it was taken
    refused     an answer to it was not understood, and the state was shown again with the reason
    ended       it was shown as the last screen of a call, or as the last text of a conversation

Who came and neither answered nor ended has left there. A hop of a menu asks no database, so it writes none either: what
a process has counted in its last minute is lost if it is killed. Nothing counted names a person.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from bot.db.unit_of_work import Database
from bot.runtime.clock import Clock
from state import counters, dialogue_counts
from state.dialogue_counts import BOUNDS_S, HOP_MS, HOP_S, HOPS, Counted

_BUCKETS = (*map(str, BOUNDS_S), "+Inf")
WRITTEN_EVERY_S = 60.0

HopOutcome = Literal["came", "answered", "refused", "ended"]
log = logging.getLogger(__name__)


class StateName(NamedTuple):
    """A state of a dialogue."""

    dialogue: str
    state: str


class AnsweredState(NamedTuple):
    """The state that an answer was for, and whether it was refused."""

    place: StateName
    is_refused: bool


@dataclass(slots=True)
class HopCounts:
    """Counts of this process, until they are written."""

    database: Database
    clock: Clock
    monotonic: Callable[[], float] = time.perf_counter
    _hops: Counter[tuple[str, StateName, str, HopOutcome]] = field(default_factory=Counter)
    _times: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(
        self, channel: str, language: str, shown: StateName, answered: AnsweredState | None, *, ends: bool
    ) -> None:
        """Count a hop that took an answer, or none, and shows this state."""
        with self._lock:
            if answered:
                self._hops[channel, answered.place, language, "refused" if answered.is_refused else "answered"] += 1
            if not (answered and answered.is_refused):
                self._hops[channel, shown, language, "came"] += 1
            if ends:
                self._hops[channel, shown, language, "ended"] += 1

    def note_time(self, begun: float) -> None:
        """Count the time of a hop of a call that began when `monotonic` was `begun`."""
        seconds = self.monotonic() - begun
        with self._lock:
            self._times[HOP_S, _BUCKETS[bisect_left(BOUNDS_S, seconds)]] += 1
            self._times[HOP_MS, ""] += round(seconds * 1000)

    def write(self) -> None:
        """Add what was counted to the counters and to the counts of the day. Without the database it is kept."""
        with self._lock:
            hops, self._hops = self._hops, Counter()
            times, self._times = self._times, Counter()
        if not hops and not times:
            return
        totals = Counter(times)
        for (channel, place, _, outcome), count in hops.items():
            totals[HOPS, f"{channel} {place.dialogue} {place.state} {outcome}"] += count
        today = self.clock().date()
        rows = [
            Counted(today, channel, *place, language, outcome, count)
            for (channel, place, language, outcome), count in hops.items()
        ]
        try:
            with self.database.writing.begin() as session:
                dialogue_counts.add(session.connection(), rows)
                counters.add(session.connection(), totals)
        except SQLAlchemyError as error:
            log.warning("counts of hops were not written: %s", type(error).__name__)
            with self._lock:
                self._hops.update(hops)
                self._times.update(times)

    def begin(self) -> None:
        """Write from now on every minute. A process that answers hops calls this once."""
        threading.Thread(target=self._write_for_ever, name="hop counts", daemon=True).start()

    def _write_for_ever(self) -> None:
        while True:
            time.sleep(WRITTEN_EVERY_S)
            self.write()
