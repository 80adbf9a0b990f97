"""Pacing in Redis: each question one script by its own clock; MongoDB answers while Redis is away."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from services.batch_jobs.pacing import (
    CLIMB_SECONDS,
    LINE_SECONDS,
    SMALLEST_SHARE,
    Grant,
    Pace,
    Pacer,
)
from services.ports import Limit
from utils.clock import Clock

logger = logging.getLogger(__name__)

AWAY_SECONDS: Final = 5.0
KEEP_MS: Final = 2 * 3600 * 1000  # longer than any window; what is even again need not be kept
UNKNOWN: Final = -1

# All times are microseconds. KEYS[1]: a hash of frozen, share, line and one TAT per limit.
_BEGIN: Final = f"""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local kept = redis.call('HMGET', KEYS[1], 'frozen', 'share', 'line')
local frozen, share, line = tonumber(kept[1] or 0), tonumber(kept[2] or 1), tonumber(kept[3] or 0)
local speed = math.min(1, share + math.max(0, now - frozen) / {CLIMB_SECONDS * 1e6:.0f})
local function keep(name, value) redis.call('HSET', KEYS[1], name, string.format('%.17g', value)) end
"""
# ARGV: how many, then of each limit its name, interval, how far calls may be ahead, and whether it is short.
# Returns how many, and microseconds to wait.
_TAKE: Final = (
    _BEGIN
    + f"""
if not kept[2] then return {{{UNKNOWN}, 0}} end
local granted, back, limits = tonumber(ARGV[1]), math.max(line, frozen), {{}}
for i = 2, #ARGV, 4 do
  local one = {{name = 'tat:' .. ARGV[i], span = ARGV[i + 1] / (ARGV[i + 3] == '1' and speed or 1)}}
  one.tat = math.max(now, tonumber(redis.call('HGET', KEYS[1], one.name) or 0))
  one.even = one.tat - ARGV[i + 2]
  granted = math.min(granted, math.floor(1 + 1e-6 + (now - one.even) / one.span))
  back = math.max(back, one.even)
  table.insert(limits, one)
end
if now < frozen or granted < 1 then
  local step = 0
  for _, one in ipairs(limits) do
    if one.even + one.span > math.max(now, frozen) then step = math.max(step, one.span) end
  end
  keep('line', math.min(now + {LINE_SECONDS * 1e6:.0f}, back + step))
  return {{0, math.ceil(back - now)}}
end
for _, one in ipairs(limits) do keep(one.name, one.tat + granted * one.span) end
redis.call('PEXPIRE', KEYS[1], {KEEP_MS})
return {{granted, 0}}
"""
)
# ARGV: microseconds, the share to go on with (0: half of what it is), then the limits as above.
_FREEZE: Final = (
    _BEGIN
    + f"""
local till, given = now + ARGV[1], tonumber(ARGV[2])
if given > 0 then
  if kept[2] and till <= frozen then return 0 end
  share = given
elseif now >= frozen then
  share = math.max({SMALLEST_SHARE}, speed / 2)
end
keep('frozen', math.max(frozen, till))
keep('share', share)
if tonumber(ARGV[1]) > 0 then
  for i = 3, #ARGV, 4 do
    if ARGV[i + 3] == '1' then keep('tat:' .. ARGV[i], math.max(frozen, till) + ARGV[i + 2]) end
  end
end
redis.call('PEXPIRE', KEYS[1], {KEEP_MS})
return 1
"""
)


class RedisPacer:
    """A Pacer over Redis. Freezes are kept by ``durable`` too, so that a wiped Redis learns of them again."""

    def __init__(self, client: Redis, durable: Pacer, clock: Clock) -> None:
        self._durable, self._clock = durable, clock
        self._taking, self._freezing = client.register_script(_TAKE), client.register_script(_FREEZE)
        self._away_until = 0.0
        self._told: set[str] = set()  # accounts of whose freezes Redis has heard since it was away

    def take(self, key: str, limits: Sequence[Limit], most: int) -> Grant:
        """Take up to ``most`` calls, as many as every limit allows now."""
        if self._clock.monotonic() < self._away_until:
            return self._durable.take(key, limits, most)
        try:
            return self._take(key, limits, most)
        except RedisError as error:
            self._lost(error)
            return self._durable.take(key, limits, most)

    def freeze(self, key: str, limits: Sequence[Limit], seconds: float) -> None:
        """Let nothing go for ``seconds``, then go half as fast."""
        self._durable.freeze(key, limits, seconds)
        try:
            self._freezing([_name(key)], [int(seconds * 1e6), 0, *_flat(limits)])
        except RedisError as error:
            self._lost(error)

    def pace(self, key: str) -> Pace:
        """Return how fast it goes now."""
        return self._durable.pace(key)

    def _take(self, key: str, limits: Sequence[Limit], most: int) -> Grant:
        if key not in self._told:
            self._tell(key, limits)
        granted, wait = self._taking([_name(key)], [most, *_flat(limits)])
        if granted == UNKNOWN:  # wiped meanwhile
            self._tell(key, limits)
            granted, wait = self._taking([_name(key)], [most, *_flat(limits)])
        return Grant(max(0, int(granted)), int(wait) / 1e6)

    def _tell(self, key: str, limits: Sequence[Limit]) -> None:
        pace = self._durable.pace(key)
        self._freezing([_name(key)], [int(pace.frozen_seconds * 1e6), pace.share, *_flat(limits)])
        self._told.add(key)

    def _lost(self, error: RedisError) -> None:
        logger.warning("pacing goes on over MongoDB: Redis does not answer (%s)", type(error).__name__)
        self._away_until = self._clock.monotonic() + AWAY_SECONDS
        self._told.clear()


def _name(key: str) -> str:
    return f"versant:pace:{key}"


def _flat(limits: Sequence[Limit]) -> list[Any]:
    return [
        part
        for limit in limits
        for part in (limit.name, limit.interval * 1e6, limit.ahead * 1e6, int(limit.short))
    ]
