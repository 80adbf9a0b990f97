"""Loops that may not die: each runs on a thread of its own, survives what its tick raises, and is watched."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

from utils.clock import Clock
from utils.store import DatabaseAway

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 5.0
GRACE = 15.0


@dataclass(frozen=True, slots=True)
class LoopHealth:
    """How a loop does: seconds since its last good tick, and how many ticks failed in a row.

    ``ticking``: for how long the tick runs that has not come back yet, 0 between two ticks.
    ``well``: its thread lives, and the last good tick is not older than three of its intervals and a little.
    """

    name: str
    age: float
    failures: int
    alive: bool
    well: bool
    ticking: float


@dataclass(slots=True)
class Loop:
    """``tick`` is called every ``interval`` seconds, sooner after ``wake``.

    After a failure it is called later, or ``again`` seconds later where it is told.
    """

    name: str
    interval: float
    tick: Callable[[], object]
    again: float | None = None
    _wake: Event = field(default_factory=Event)
    _last: float = 0.0
    _begun: float | None = None
    _failures: int = 0
    _thread: Thread | None = None

    def wake(self) -> None:
        """Tick now."""
        self._wake.set()

    def start(self, clock: Clock, stopping: Event) -> None:
        """Begin to tick."""
        self._last = clock.monotonic()
        self._thread = Thread(target=self._run, args=(clock, stopping), name=f"loop-{self.name}", daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the last tick."""
        if self._thread is not None:
            self._thread.join(timeout)

    def health(self, now: float) -> LoopHealth:
        """Return how the loop does."""
        alive = self._thread is not None and self._thread.is_alive()
        age, begun = now - self._last, self._begun
        well = alive and age < 3 * self.interval + GRACE
        return LoopHealth(self.name, age, self._failures, alive, well, now - begun if begun else 0.0)

    def _run(self, clock: Clock, stopping: Event) -> None:
        while not stopping.is_set():
            self._wake.clear()
            self._begun = clock.monotonic()
            try:
                self.tick()
            except DatabaseAway:  # the log has heard of it once already
                self._failures += 1
            except Exception:
                self._failures += 1
                logger.exception("loop %s failed %d times in a row", self.name, self._failures)
            else:
                self._failures, self._last = 0, clock.monotonic()
            self._begun = None
            self._wake.wait(self._pause())

    def _pause(self) -> float:
        if self._failures and self.again is not None:
            return self.again
        return min(self.interval * 2.0 ** min(self._failures, 10), max(self.interval, LONGEST_PAUSE))


class Supervisor:
    """Starts loops, restarts a thread that died all the same, tells how each does, stops them together."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._loops, self._stopping = clock, list[Loop](), Event()
        self._guard = Loop("supervisor", 1.0, self._revive)

    def add(
        self, name: str, interval: float, tick: Callable[[], object], *, again: float | None = None
    ) -> Loop:
        """Declare a loop."""
        loop = Loop(name, interval, tick, again)
        self._loops.append(loop)
        return loop

    def start(self) -> None:
        """Start every declared loop."""
        self._stopping.clear()
        for loop in [*self._loops, self._guard]:
            loop.start(self._clock, self._stopping)

    def wake(self) -> None:
        """Let every loop tick now, also those that hold back after failures."""
        for loop in self._loops:
            loop.wake()

    def stop(self, timeout: float = 5.0) -> None:
        """Ask every loop to end and wait for it."""
        self._stopping.set()
        for loop in [*self._loops, self._guard]:
            loop.wake()
        for loop in [*self._loops, self._guard]:
            loop.join(timeout)

    def health(self) -> Sequence[LoopHealth]:
        """Return how every loop does."""
        now = self._clock.monotonic()
        return [loop.health(now) for loop in [*self._loops, self._guard]]

    def figures(self) -> dict[str, dict[str, float | int | bool]]:
        """Return how every loop does, by name, as plain values."""
        return {
            loop.name: {
                "age_s": round(loop.age, 1),
                "failures": loop.failures,
                "well": loop.well,
                "ticking_s": round(loop.ticking, 1),
            }
            for loop in self.health()
        }

    def _revive(self) -> None:
        now = self._clock.monotonic()
        for loop in self._loops:
            if not loop.health(now).alive and not self._stopping.is_set():
                logger.error("loop %s had died; it is started again", loop.name)
                loop.start(self._clock, self._stopping)
