"""Rate limits in Redis; `state.rates` says what they are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from state import redis_clients

_TAKE = """
local per_second, wanted, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now - math.max(1, 1 / per_second))
local granted = math.min(wanted, math.max(0, math.floor((now - free_at) * per_second + 1e-6)))
redis.call('SET', KEYS[1], string.format('%.6f', free_at + granted / per_second), 'EX', 3600)
return granted
"""


class RedisRates:
    """Token buckets in Redis, where taking blocks no other transaction."""

    def __init__(self, url: str, prefix: str = "soko:rate:") -> None:
        self._take = redis_clients.script(url, _TAKE)
        self._prefix = prefix

    def take(self, conn: Connection, name: str, *, per_second: float, wanted: int, now: datetime) -> int:
        return int(self._take([self._prefix + name], [per_second, wanted, now.timestamp()]))
