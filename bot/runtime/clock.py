"""The clock: the system clock or, in development, one that can be moved forward and stopped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]
_STANDING = "standing"


def system_clock() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)


class MovableClock:
    """A clock that is ahead of `base`, or stands still, as a file says that all processes of one database share.

    The file has the seconds by which the clock is ahead, or `standing` and the time at which it stands.
    """

    def __init__(self, file: Path, base: Clock = system_clock) -> None:
        self._file, self._base = file, base
        self._read_at, self._ahead = 0, timedelta()
        self._stands_at: datetime | None = None

    @classmethod
    def of(cls, database_url: str, folder: Path) -> MovableClock:
        """The clock of all processes that use this database; its file is in `folder`."""
        name = hashlib.sha256(database_url.encode()).hexdigest()[:12]
        return cls(folder / f"clock-{name}")

    def __call__(self) -> datetime:
        self._read()
        return self._stands_at or self._base() + self._ahead

    @property
    def real(self) -> datetime:
        """The time of `base`, which nothing moves."""
        return self._base()

    @property
    def ahead(self) -> timedelta:
        """How far the clock is ahead of `base`; of a standing clock, this shrinks."""
        return self() - self._base() if self.stands else self._ahead

    @property
    def stands(self) -> bool:
        """True while the clock stands still."""
        self._read()
        return self._stands_at is not None

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward in all processes; returns the new time. A standing clock goes on standing."""
        if self.stands:
            return self._stand_at(self() + timedelta(seconds=seconds))
        return self._go_on(self.ahead + timedelta(seconds=seconds))

    def stand(self) -> datetime:
        """Let the clock stand at its present time, in all processes."""
        return self._stand_at(self())

    def run(self) -> datetime:
        """Let a standing clock go on from the time at which it stands."""
        return self._go_on(self.ahead)

    def go_back(self) -> datetime:
        """Let the clock show the time of `base` again, and run."""
        return self._go_on(timedelta())

    def _stand_at(self, time: datetime) -> datetime:
        return self._write(f"{_STANDING} {time.isoformat()}")

    def _go_on(self, ahead: timedelta) -> datetime:
        return self._write(str(ahead.total_seconds()))

    def _write(self, content: str) -> datetime:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".new")
        partial.write_text(content)
        partial.replace(self._file)
        return self()

    def _read(self) -> None:
        """Read the file, if its modification time has changed."""
        try:
            changed_at = os.stat(self._file).st_mtime_ns
        except FileNotFoundError:
            changed_at = 0
        if changed_at == self._read_at:
            return
        first, _, time = (self._file.read_text() if changed_at else "0").partition(" ")
        self._stands_at = datetime.fromisoformat(time) if first == _STANDING else None
        self._ahead = timedelta() if self._stands_at else timedelta(seconds=float(first))
        self._read_at = changed_at
