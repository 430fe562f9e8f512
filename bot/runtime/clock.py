"""The clock: the system clock or, in development, one that can be moved forward."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)


class MovableClock:
    """A clock ahead of `base` by the seconds in a file, which all processes that use one database share."""

    def __init__(self, file: Path, base: Clock = system_clock) -> None:
        self._file, self._base = file, base
        self._read_at, self._ahead = 0, timedelta()

    @classmethod
    def of(cls, database_url: str, folder: Path) -> MovableClock:
        """The clock of all processes that use this database; its file is in `folder`."""
        name = hashlib.sha256(database_url.encode()).hexdigest()[:12]
        return cls(folder / f"clock-{name}")

    def __call__(self) -> datetime:
        return self._base() + self.ahead

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward in all processes; returns the new time."""
        ahead = self.ahead + timedelta(seconds=seconds)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".new")
        partial.write_text(str(ahead.total_seconds()))
        partial.replace(self._file)
        return self()

    @property
    def ahead(self) -> timedelta:
        """How far the clock is ahead. The file is read again only when its modification time has changed."""
        try:
            changed_at = os.stat(self._file).st_mtime_ns
        except FileNotFoundError:
            return timedelta()
        if changed_at != self._read_at:
            self._ahead = timedelta(seconds=float(self._file.read_text()))
            self._read_at = changed_at
        return self._ahead
