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
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from bot.runtime.settings import Settings
from state.redis_sessions import TIMEOUT_S

log = logging.getLogger(__name__)

Counted = Literal["key", "address"]


class RateLimits:
    """Counts requests. Rates are those of the settings."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._limiter = FixedWindowRateLimiter(_store(settings.redis_url))
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
        try:
            if self._limiter.hit(rate, kind, name):
                return None
            ends_at = self._limiter.get_window_stats(rate, kind, name).reset_time
        except StorageError as error:  # while Redis is unreachable, requests are answered without a limit
            log.warning("requests are not counted: %s", type(error.storage_error).__name__)
            return None
        return max(1, ceil(ends_at - self._now()))


def _store(redis_url: str | None) -> MemoryStorage | RedisStorage:
    if redis_url is None:
        return MemoryStorage()
    url = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix:") else redis_url
    return RedisStorage(
        url,
        key_prefix="soko:rates",
        wrap_exceptions=True,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
    )
