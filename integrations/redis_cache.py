"""The tier of the cache that all processes share, in Redis. It may be away, slow or wiped: nobody notices.

Nothing old is ever served from it: the versions of an entry's tags are part of its key.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from redis.exceptions import RedisError

from integrations.redis_live import redis_client
from utils.resilient_services import Breaker, BreakerState
from utils.supervisor import Supervisor
from utils.ultra_scalable_cache import Turn

T = TypeVar("T")
PREFIX: Final = "versant-cache:"
PROBE_SECONDS: Final = 0.2
MOST_BYTES: Final = 1_000_000

ASK: Final = """
local value = redis.call('GET', KEYS[1])
if value then return value end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
PUT: Final = """
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
"""


class RedisTier:
    """Values and turns in Redis, behind a breaker: after two failures it is asked no more, until three
    probes in the background have gone well."""

    def __init__(self, url: str, breaker: Breaker) -> None:
        self._client, self._breaker = redis_client(url), breaker
        self._ask, self._put = self._client.register_script(ASK), self._client.register_script(PUT)
        self._counts = {"shared_hits": 0, "shared_misses": 0, "shared_failures": 0}

    def install(self, supervisor: Supervisor) -> None:
        """Declare the loop that probes."""
        supervisor.add("probe-redis", PROBE_SECONDS, self.probe)

    def ask(self, key: str, token: str, seconds: float) -> bytes | Turn:
        """Return what is kept; else take the turn to load it for some seconds, if nobody else has it."""
        answer: Any = self._tried(lambda: self._ask(_keys(key), [token, int(seconds * 1000)]), None)
        if isinstance(answer, bytes):
            self._counts["shared_hits"] += 1
            return answer
        if answer is None:
            return Turn.AWAY
        self._counts["shared_misses"] += 1
        return Turn.MINE if answer == 1 else Turn.THEIRS

    def put(self, key: str, value: bytes, seconds: float, token: str) -> None:
        """Keep a value, unless it is very large, and give the turn back."""
        kept = value if len(value) <= MOST_BYTES else b""
        self._tried(lambda: self._put(_keys(key), [token, kept, max(1, int(seconds * 1000))]), None)

    def give_up(self, key: str, token: str) -> None:
        """Give the turn back without a value."""
        self._tried(lambda: self._put(_keys(key), [token, b"", 1]), None)

    def figures(self) -> dict[str, int | float | str]:
        """Return the state for people."""
        return {"shared": str(self._breaker.state), **self._counts}

    def probe(self) -> None:
        """Find out in the background whether Redis is back."""
        if self._breaker.state is BreakerState.CLOSED:
            return
        self._breaker.try_now()
        if self._breaker.allow():
            self._noted(self._client.ping)

    def _tried(self, call: Callable[[], T], otherwise: T) -> T:
        if self._breaker.state is not BreakerState.CLOSED:
            return otherwise
        found = self._noted(call)
        return otherwise if found is None else found

    def _noted(self, call: Callable[[], T]) -> T | None:
        try:
            found = call()
        except (RedisError, OSError) as error:
            self._counts["shared_failures"] += 1
            self._breaker.failed(type(error).__name__)
            return None
        self._breaker.succeeded()
        return found


def _keys(key: str) -> list[str]:
    """Return where the value and the turn are; on a cluster, in one place."""
    return [f"{PREFIX}{{{key}}}", f"{PREFIX}{{{key}}}:turn"]
