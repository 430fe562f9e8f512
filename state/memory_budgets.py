"""Budgets of one process; `state.budgets` says what they are."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from state.budgets import Spent, Use

MOST = 10_000
"""Budgets that are kept until those whose window is over are looked for."""


class MemoryBudgets:
    """Budgets that no other process knows."""

    def __init__(self) -> None:
        self._spent: dict[str, Spent] = {}
        self._lock = Lock()
        self._swept_at = MOST

    def __len__(self) -> int:
        return len(self._spent)

    def spend(self, uses: Sequence[Use], now: float) -> list[Spent]:
        with self._lock:
            return [self._spend(use, now) for use in uses]

    def _spend(self, use: Use, now: float) -> Spent:
        before = self._spent.get(use.name)
        if before is None:
            self._sweep(now)
        if before is None or before.ends_at <= now:
            before = Spent(0, now + use.per)
        spent = self._spent[use.name] = Spent(before.total + use.amount, before.ends_at)
        return spent

    def _sweep(self, now: float) -> None:
        """Forget windows that are over, when there are twice as many budgets as after the last time."""
        if len(self._spent) >= self._swept_at:
            self._spent = {name: spent for name, spent in self._spent.items() if spent.ends_at > now}
            self._swept_at = max(MOST, 2 * len(self._spent))
