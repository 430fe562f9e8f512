"""Limits how often an API key, or an IP address without a key, may call the marketplace API.

With Redis all processes share the counts, otherwise each process has its own. A window begins with its first request.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import ceil
from typing import Literal

from bot.runtime.setting_types import rate
from bot.runtime.settings import Settings
from state.budgets import Budgets, UnavailableError, Use
from state.memory_budgets import MemoryBudgets

log = logging.getLogger(__name__)

Counted = Literal["key", "address"]
PREFIX = "soko:rates:"


class RateLimits:
    """Counts requests. Rates are those of the settings."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._budgets = _budgets(settings.redis_url)
        self._rates = {"key": rate(settings.api_rate), "address": rate(settings.public_rate)}
        self._now = now

    def admit(self, kind: Counted, name: str) -> int | None:
        """Count a request of this key or address.

        None if it is allowed; else the whole seconds, at least one, until the next is allowed.
        """
        most, per = self._rates[kind]
        now = self._now()
        try:
            (spent,) = self._budgets.spend([Use(f"{kind}:{name}", 1, per)], now)
        except UnavailableError as error:  # while Redis is unreachable, requests are answered without a limit
            log.warning("requests are not counted: %s", error)
            return None
        return None if spent.total <= most else max(1, ceil(spent.ends_at - now))


def _budgets(redis_url: str | None) -> Budgets:
    if not redis_url:
        return MemoryBudgets()
    # imported here: redis-py takes time to import, and without Redis nothing needs it
    from state.redis_budgets import RedisBudgets

    return RedisBudgets(redis_url, prefix=PREFIX)
