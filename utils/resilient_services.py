"""Living with services that fail: circuit breakers and how long to wait before the next try."""

import logging
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import random as uniform
from typing import Final

from utils.clock import Clock

logger = logging.getLogger(__name__)

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
        self.changed: Callable[[BreakerState], None] = _nobody
        self._clock = clock
        self._limit, self._open_seconds, self._needed = failures, open_seconds, successes_to_close
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._count = 0  # failures in a row while closed, successes while half open
        self._wait_until = 0.0  # the next probe while open, the end of the running probe while half open
        self._cause = ""

    @property
    def state(self) -> BreakerState:
        """Whether calls go through, wait, or are tried one at a time."""
        return self._state

    def allow(self) -> bool:
        """Tell whether a call may be made now. True obliges the caller to report how it went."""
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return True
            now = self._clock.monotonic()
            if now < self._wait_until:
                return False
            was = self._state
            if was is BreakerState.OPEN:
                self._state, self._count = BreakerState.HALF_OPEN, 0
            self._wait_until = now + PROBE_SECONDS
        self._say(was, BreakerState.HALF_OPEN)
        return True

    def retry_after(self) -> float:
        """Return the seconds until it is worth asking again; 0 when a call may be made."""
        with self._lock:
            left = self._left()
            return min(left, ASK_AGAIN_SECONDS) if self._state is BreakerState.HALF_OPEN else left

    def succeeded(self) -> None:
        """Report that the service answered."""
        with self._lock:
            was = self._state
            if was is BreakerState.CLOSED:
                self._count = 0
            elif was is BreakerState.HALF_OPEN:
                self._count += 1
                self._wait_until = self._clock.monotonic()
                if self._count >= self._needed:
                    self._close()
            now = self._state
        self._say(was, now)

    def failed(self, cause: str) -> None:
        """Report a fault of the service. ``cause`` is shown to people: it holds no secret and no address."""
        with self._lock:
            was = self._state
            if was is BreakerState.OPEN:
                return  # a call that began before it opened says nothing about the time after
            self._count += 1
            self._cause = cause
            if was is BreakerState.HALF_OPEN or self._count >= self._limit:
                self._state = BreakerState.OPEN
                self._wait_until = self._clock.monotonic() + self._open_seconds
            now = self._state
        self._say(was, now)

    def try_now(self) -> None:
        """Let the next call be a probe already: something in the background saw the service answer."""
        with self._lock:
            if self._state is BreakerState.OPEN:
                self._wait_until = self._clock.monotonic()

    def reset(self) -> None:
        """Close it and forget what it counted: somebody knows that the service is back."""
        with self._lock:
            was = self._state
            self._close()
        self._say(was, BreakerState.CLOSED)

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

    def _close(self) -> None:
        self._state, self._count, self._cause = BreakerState.CLOSED, 0, ""

    def _say(self, was: BreakerState, now: BreakerState) -> None:
        """Tell of a change of state. Not under the lock: whoever hears of it may take its time."""
        if now is not was:
            level = logging.WARNING if now is BreakerState.OPEN else logging.INFO
            logger.log(level, "breaker %s is %s, was %s", self.name, now, was, extra={"cause": self._cause})
            self.changed(now)

    def _left(self) -> float:
        if self._state is BreakerState.CLOSED:
            return 0.0
        return max(0.0, self._wait_until - self._clock.monotonic())


class Breakers:
    """The breakers of a process by name, so that all of them are seen, probed and reset in one place.

    Whoever calls a service takes its breaker from here, once, when it is built: ``brevo-email``,
    ``brevo-sms``, ``redis``, ``redis-bells``, ``s3``. The same name gives the same breaker.
    """

    def __init__(self, clock: Clock, changed: Callable[[str, BreakerState], None] | None = None) -> None:
        self._clock, self._changed = clock, changed
        self._all: dict[str, Breaker] = {}
        self._probes: dict[str, Callable[[], object]] = {}

    def take(
        self, name: str, *, failures: int = 5, open_seconds: float = 300.0, successes_to_close: int = 3
    ) -> Breaker:
        """Return the breaker of this name, made as described where it is the first to be taken."""
        if name not in self._all:
            breaker = Breaker(name, self._clock, failures, open_seconds, successes_to_close)
            if told := self._changed:
                breaker.changed = lambda state: told(name, state)
            self._all[name] = breaker
        return self._all[name]

    def probe(self, name: str, check: Callable[[], object]) -> None:
        """Have ``check`` called every few seconds in the background while the breaker is open.

        It asks the service by a way of its own, outside the breaker, and tells the breaker what it saw:
        ``try_now()``, and where its answer proves as much as a call would, ``allow()`` and ``succeeded()``.
        """
        self._probes[name] = check

    def find(self, name: str) -> Breaker | None:
        """Return the breaker of this name, if somebody took it."""
        return self._all.get(name)

    def all(self) -> Sequence[Breaker]:
        """Return every breaker, by name."""
        return [self._all[name] for name in sorted(self._all)]

    def to_probe(self) -> Sequence[tuple[Breaker, Callable[[], object]]]:
        """Return every open breaker whose service can be asked, and what asks it."""
        return [
            (breaker, self._probes[breaker.name])
            for breaker in self.all()
            if breaker.state is BreakerState.OPEN and breaker.name in self._probes
        ]


class RetryBudget:
    """Keeps repeats to a share of all calls, so that a provider in trouble is not hammered by them as well.

    Every call earns ``share`` of a repeat, up to ``most``; one in ``trickle_seconds`` comes for nothing, so
    that little traffic is repeated too.
    """

    def __init__(
        self, clock: Clock, share: float = 0.1, most: float = 10.0, trickle_seconds: float = 10.0
    ) -> None:
        self._clock, self._share, self._most, self._trickle = clock, share, most, trickle_seconds
        self._lock = threading.Lock()
        self._left, self._at = most, clock.monotonic()

    def earn(self) -> None:
        """Count a call."""
        with self._lock:
            self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Tell whether one repeat may be made soon, and count it."""
        with self._lock:
            now = self._clock.monotonic()
            self._left = min(self._most, self._left + (now - self._at) / self._trickle)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


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


def jittered(seconds: float, *, random: Callable[[], float] = uniform) -> float:
    """Return anything between ``seconds`` and twice that, so that not everybody comes back at once."""
    return seconds * (1 + random())


def _doubled(tries: int, base: float, cap: float) -> float:
    return min(cap, base * 2.0 ** min(max(tries, 1) - 1, MAX_DOUBLINGS))


def _nobody(_state: BreakerState) -> None:
    """Hear of a change and do nothing."""
