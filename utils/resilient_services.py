"""Living with services that fail: a circuit breaker and how long to wait before the next try."""

import threading
from collections.abc import Callable
from enum import StrEnum
from random import random as uniform
from typing import Final

from utils.clock import Clock

PROBE_SECONDS: Final = 60.0
ASK_AGAIN_SECONDS: Final = 1.0
MAX_DOUBLINGS: Final = 60


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Stops calling a service that keeps failing, then lets one probe at a time find out whether it is back.

    The caller asks ``allow()``, makes its call without any lock of ours, and reports ``succeeded()`` or
    ``failed(cause)``. Only the provider's own faults are failures (5xx, timeouts, refused or dropped
    connections); an answer such as 400 or 429 proves that the provider is there, so it is a success.

    A probe that never reports (its thread died) blocks the next one for ``PROBE_SECONDS`` at most.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        failures: int = 5,
        open_seconds: float = 300.0,
        successes_to_close: int = 3,
    ) -> None:
        self.name = name
        self._clock = clock
        self._limit, self._open_seconds, self._needed = failures, open_seconds, successes_to_close
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._count = 0  # failures in a row while closed, successes while half open
        self._wait_until = 0.0  # the next probe while open, the end of the running probe while half open
        self._cause = ""

    def allow(self) -> bool:
        """Tell whether a call may be made now. True obliges the caller to report how it went."""
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return True
            now = self._clock.monotonic()
            if now < self._wait_until:
                return False
            if self._state is BreakerState.OPEN:
                self._state, self._count = BreakerState.HALF_OPEN, 0
            self._wait_until = now + PROBE_SECONDS
            return True

    def retry_after(self) -> float:
        """Return the seconds until it is worth asking again; 0 when a call may be made."""
        with self._lock:
            left = self._left()
            return min(left, ASK_AGAIN_SECONDS) if self._state is BreakerState.HALF_OPEN else left

    def succeeded(self) -> None:
        """Report that the service answered."""
        with self._lock:
            if self._state is BreakerState.CLOSED:
                self._count = 0
            elif self._state is BreakerState.HALF_OPEN:
                self._count += 1
                self._wait_until = self._clock.monotonic()
                if self._count >= self._needed:
                    self._state, self._count, self._cause = BreakerState.CLOSED, 0, ""

    def failed(self, cause: str) -> None:
        """Report a fault of the service. ``cause`` is shown to people: it holds no secret and no address."""
        with self._lock:
            if self._state is BreakerState.OPEN:
                return  # a call that began before it opened says nothing about the time after
            self._count += 1
            self._cause = cause
            if self._state is BreakerState.HALF_OPEN or self._count >= self._limit:
                self._state = BreakerState.OPEN
                self._wait_until = self._clock.monotonic() + self._open_seconds

    def try_now(self) -> None:
        """Let the next call be a probe already: something in the background saw the service answer."""
        with self._lock:
            if self._state is BreakerState.OPEN:
                self._wait_until = self._clock.monotonic()

    def status(self) -> dict[str, str | int | float]:
        """Return the state for people; ``next_probe_seconds`` is 0 while closed."""
        with self._lock:
            return {
                "name": self.name,
                "state": str(self._state),
                "count": self._count,
                "cause": self._cause,
                "next_probe_seconds": round(self._left(), 3),
            }

    def _left(self) -> float:
        if self._state is BreakerState.CLOSED:
            return 0.0
        return max(0.0, self._wait_until - self._clock.monotonic())


def backoff(
    tries: int, *, base: float = 1.0, cap: float = 60.0, random: Callable[[], float] = uniform
) -> float:
    """Return seconds to wait after ``tries`` failed tries: anything up to 1, 2, 4, 8 … (full jitter)."""
    return random() * _doubled(tries, base, cap)


def equal_jitter(
    tries: int, *, base: float = 1.0, cap: float = 60.0, random: Callable[[], float] = uniform
) -> float:
    """Return seconds to wait on top of a provider's own reset (429): between half and all of 1, 2, 4, 8 …"""
    half = _doubled(tries, base, cap) / 2
    return half + random() * half


def _doubled(tries: int, base: float, cap: float) -> float:
    return min(cap, base * 2.0 ** min(max(tries, 1) - 1, MAX_DOUBLINGS))
