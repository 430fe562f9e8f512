"""Limits how often an API key, or an IP address without a key, may call the marketplace API.

With Redis all processes share the counts, otherwise each process has its own. A window begins with its first request.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import ceil
from typing import Literal

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError

from bot.runtime.settings import Settings
from state.budgets import RedisBudgets, Use

log = logging.getLogger(__name__)

Counted = Literal["key", "address"]
PREFIX = "soko:rates:"


class RateLimits:
    """Counts requests. Rates are those of the settings."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._shared = RedisBudgets(settings.redis_url, prefix=PREFIX) if settings.redis_url else None
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._rates: dict[Counted, RateLimitItem] = {
            "key": parse(settings.api_rate),
            "address": parse(settings.public_rate),
        }
        self._now = now

    def admit(self, kind: Counted, name: str) -> int | None:
        """Count a request of this key or address.

        None if it is allowed; else the whole seconds, at least one, until the next is allowed.
        """
        rate = self._rates[kind]
        if self._shared:
            return self._admit_shared(self._shared, Use(f"{kind}:{name}", 1, rate.get_expiry()), rate.amount)
        if self._own.hit(rate, kind, name):
            return None
        return self._seconds_until(self._own.get_window_stats(rate, kind, name).reset_time)

    def _admit_shared(self, shared: RedisBudgets, use: Use, most: int) -> int | None:
        try:
            (spent,) = shared.spend([use], self._now())
        except RedisError as error:  # while Redis is unreachable, requests are answered without a limit
            log.warning("requests are not counted: %s", type(error).__name__)
            return None
        return None if spent.total <= most else self._seconds_until(spent.ends_at)

    def _seconds_until(self, ends_at: float) -> int:
        return max(1, ceil(ends_at - self._now()))
