"""Pings what the server depends on and keeps the last result and the failure counts for ``/health/ready``.

The drivers reconnect by themselves; nothing here repairs anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from services.ports import Health
from utils.clock import Clock

FRESH_SECONDS: Final = 2.0


@dataclass(slots=True)
class _Seen:
    ok: bool
    ping_ms: float
    at: float
    failures: int


class ConnectionMonitor:
    """One ping per dependency; ``required`` ones decide readiness."""

    def __init__(
        self, pings: Mapping[str, Callable[[], object]], required: frozenset[str], clock: Clock
    ) -> None:
        self._pings, self._required, self._clock = pings, required, clock
        self._seen: dict[str, _Seen] = {}
        self._lock = Lock()

    def tick(self) -> None:
        """Ping everything."""
        for name, ping in self._pings.items():
            self._ping(name, ping)

    def health(self) -> list[Health]:
        """Return the state of each dependency, not older than two seconds."""
        return [self._health(name, ping) for name, ping in self._pings.items()]

    def required(self, name: str) -> bool:
        """Tell whether the server cannot do without it."""
        return name in self._required

    def _health(self, name: str, ping: Callable[[], object]) -> Health:
        seen = self._seen.get(name)
        if seen is None or self._clock.monotonic() - seen.at > FRESH_SECONDS:
            seen = self._ping(name, ping)
        extra = {"ping_ms": seen.ping_ms, "failures": seen.failures}
        return Health(name, seen.ok, "" if seen.ok else "does not answer", extra)

    def _ping(self, name: str, ping: Callable[[], object]) -> _Seen:
        begun = self._clock.monotonic()
        try:
            ping()
            ok = True
        except Exception:  # whatever the driver raises: it does not answer
            ok = False
        now = self._clock.monotonic()
        with self._lock:
            failures = self._seen[name].failures if name in self._seen else 0
            seen = _Seen(ok, round((now - begun) * 1000, 1), now, failures + (not ok))
            self._seen[name] = seen
        return seen
