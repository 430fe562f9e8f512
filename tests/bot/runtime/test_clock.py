"""The clock of development: it is moved forward, stopped and brought back, in all processes that share its file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.runtime.clock import MovableClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_clock_is_moved_stopped_and_brought_back_in_all_processes(tmp_path: Path) -> None:
    real = [NOON]
    one, other = (MovableClock(tmp_path / "clock", base=lambda: real[0]) for _ in range(2))
    assert one() == other() == NOON

    one.advance(3600)
    assert other() == NOON + timedelta(hours=1)

    other.stand()
    real[0] += timedelta(minutes=10)
    assert one() == NOON + timedelta(hours=1)
    assert one.stands
    assert one.ahead == timedelta(minutes=50)

    one.advance(60)
    assert other() == NOON + timedelta(hours=1, minutes=1)
    assert other.stands

    other.run()
    real[0] += timedelta(minutes=1)
    assert one() == NOON + timedelta(hours=1, minutes=2)

    one.go_back()
    assert other() == real[0]
    assert not other.stands
