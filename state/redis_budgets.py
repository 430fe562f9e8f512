"""Budgets in Redis; `state.budgets` says what they are."""

from __future__ import annotations

from collections.abc import Sequence

from redis.exceptions import RedisError

from state import redis_clients
from state.budgets import Spent, UnavailableError, Use
from state.redis_sessions import TIMEOUT_S

_SPEND = """
local spent = {}
for number, key in ipairs(KEYS) do
  local amount, per, now = ARGV[2 * number], tonumber(ARGV[2 * number + 1]), tonumber(ARGV[1])
  local ends_at = tonumber(redis.call('HGET', key, 'ends_at') or 0)
  if ends_at <= now then
    ends_at = now + per
    redis.call('DEL', key)
    redis.call('HSET', key, 'ends_at', string.format('%.6f', ends_at))
    redis.call('PEXPIRE', key, math.ceil(per * 1000))
  end
  spent[2 * number - 1] = redis.call('HINCRBY', key, 'total', amount)
  spent[2 * number] = string.format('%.6f', ends_at)
end
return spent
"""


class RedisBudgets:
    """Budgets in the Redis at `url`, which is asked once for all uses.

    The prefix has braces around a part of it if uses of several budgets are counted at once: one server of a cluster
    then has them all.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_S, prefix: str = "soko:{budget}:") -> None:
        # while masters change, the caller does without the count, or counts elsewhere
        self._spend = redis_clients.script(url, _SPEND, timeout=timeout, patience=timeout)
        self._prefix = prefix

    def spend(self, uses: Sequence[Use], now: float) -> list[Spent]:
        arguments = [value for use in uses for value in (use.amount, use.per)]
        try:
            found = self._spend([self._prefix + use.name for use in uses], [now, *arguments])
        except RedisError as error:
            raise UnavailableError(type(error).__name__) from error
        return [Spent(int(total), float(ends_at)) for total, ends_at in zip(found[::2], found[1::2], strict=True)]
