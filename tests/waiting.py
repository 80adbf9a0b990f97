"""Waiting for what other threads and processes do, on a machine that may be busy with much else."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Final, Self, TypeVar

PATIENCE: Final = 60.0
PAUSE: Final = 0.01
SHORTEST, LONGEST = 0.002, 0.03  # pauses between two looks, where the first few are likely to be enough
T = TypeVar("T")


def until(
    true: Callable[[], T],
    what: str = "it",
    seconds: float = PATIENCE,
    *,
    seen: Callable[[], object] | None = None,
    pause: float = 0.0,
) -> T:
    """Return the first true value; TimeoutError says what did not happen, and what was seen last.

    ``seen`` is asked for that at the end; without it, it is the last value. A limit that is not reached costs
    nothing: leave it generous, unless the time is what is proved. Without a ``pause`` looks become rarer.
    """
    give_up, nap = time.monotonic() + seconds, pause or SHORTEST
    while not (found := true()):
        if time.monotonic() > give_up:
            raise TimeoutError(f"not within {seconds:g} s: {what}; seen last: {seen() if seen else found!r}")
        time.sleep(nap)
        nap = pause or min(nap * 1.5, LONGEST)
    return found


def seconds_until(
    true: Callable[[], object], what: str = "it", *, seen: Callable[[], object] | None = None
) -> float:
    """Return how long it took, told by how often it was looked: a busy machine makes looks late, not more.

    Where a promise of so many seconds is proved, this is what keeps it, on a machine of any speed.
    """
    looks = 0

    def look() -> object:
        nonlocal looks
        looks += 1
        return true()

    until(look, what, seen=seen, pause=PAUSE)
    return (looks - 1) * PAUSE


def pause(runtime: Any) -> None:
    """Have the app's own engine claim nothing until it is resumed; return once it is not about to, either."""
    runtime.engine.pause()
    until(lambda: not [loop for loop in runtime.loops() if loop.name.startswith("claim-") and loop.ticking])


class Pulse:
    """A clock that counts pauses while the block runs: the busier the machine, the slower it goes."""

    def __init__(self) -> None:
        self._beats, self._enough = 0, Event()
        self._thread = Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def now(self) -> float:
        """Return the seconds since it began, as many as this machine had time for."""
        return self._beats * PAUSE

    def wait(self, seconds: float) -> None:
        """Return when so many of its seconds have passed."""
        end = self.now() + seconds
        until(lambda: self.now() >= end, "the pulse", seconds * 10 + PATIENCE)

    def _beat(self) -> None:
        while not self._enough.wait(PAUSE):
            self._beats += 1
