"""How often a key, or an address without one, may ask the marketplace API.

What is counted lives in Redis when there is one, and is then shared by all processes; else each process counts for
itself. A window begins with the first request in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import ceil

from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from bot.runtime.settings import Settings
from marketplace_api.rest.access import ClientKind

log = logging.getLogger(__name__)

SLOWEST_STORE_S = 0.5


class RateLimits:
    """Counts requests; see `marketplace_api.rest.access.Admit`."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._limiter = FixedWindowRateLimiter(_store(settings.redis_url))
        self._rates = {"key": parse(settings.api_rate), "address": parse(settings.public_rate)}
        self._now = now

    def admit(self, asker: ClientKind, name: str) -> int | None:
        """None: come in. Otherwise the whole seconds, at least one, until it is worth asking again."""
        rate = self._rates[asker]
        try:
            if self._limiter.hit(rate, asker, name):
                return None
            ends_at = self._limiter.get_window_stats(rate, asker, name).reset_time
        except StorageError as error:  # a shop that cannot count is open all the same
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
        socket_timeout=SLOWEST_STORE_S,
        socket_connect_timeout=SLOWEST_STORE_S,
    )
