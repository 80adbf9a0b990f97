"""Calls that are cheaper together: whoever comes while one is made goes along with the next."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Generic, TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST: Final = 32  # items of one call
COMPANY_SECONDS: Final = 0.002
LONGEST_SECONDS: Final = 0.02


@dataclass(slots=True, eq=False)
class _Place:
    """One item that waits. ``turn`` is held until its call has been made, or it is to ``lead`` one."""

    item: Any
    turn: Lock = field(default_factory=Lock)
    leads: bool = False
    results: Sequence[Any] = ()  # its own one, or none where the call has failed


class Together(Generic[Item, Result]):
    """Makes one call for all who wait, in the order in which they came; ``lanes`` calls at a time.

    A call begins when a lane is free, on the thread of whoever waits longest. Where the one before had
    company it waits as long as others keep coming, twenty milliseconds at most. When one for several fails,
    each of them makes a call of its own: what is wrong with one is nobody else's. No call may use what
    belongs to its thread, an open transaction for one.
    """

    def __init__(
        self, call: Callable[[Sequence[Item]], Sequence[Result]], lanes: int = 1, most: int = MOST
    ) -> None:
        self._call, self._most = call, most
        self._waiting: deque[_Place] = deque()
        self._free, self._collecting, self._crowded = lanes, False, False
        self._lock = Lock()

    def make(self, item: Item) -> Result:
        """Return what the call that this item goes along with has for it."""
        place = _Place(item)
        place.turn.acquire()
        with self._lock:
            self._waiting.append(place)
        self._go_on()
        place.turn.acquire()
        if place.leads:
            self._lead(place)
        [result] = place.results or self._call([item])
        return result

    def _go_on(self) -> None:
        """Let whoever waits longest lead a call, if a lane is free and nobody collects others already."""
        with self._lock:
            if not self._waiting or not self._free or self._collecting:
                return
            self._free, self._collecting = self._free - 1, True
            place = self._waiting.popleft()
        place.leads = True
        place.turn.release()

    def _lead(self, first: _Place) -> None:
        others = self._company()
        self._go_on()
        try:
            going = [first, *others]
            results = self._call([place.item for place in going])
            for place, result in zip(going, results, strict=True):
                place.results = (result,)
        except Exception as error:
            if not others:
                raise
            logger.info("a call for %d came to nothing: %s", len(going), type(error).__name__)
        finally:
            with self._lock:
                self._free += 1
            self._go_on()
            for place in others:
                place.turn.release()

    def _company(self) -> list[_Place]:
        """Return who goes along."""
        if self._crowded:
            self._wait()
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most - 1))]
            self._crowded, self._collecting = bool(others), False
        return others

    def _wait(self) -> None:
        """Return when nobody has come for two milliseconds, when there are enough, or after twenty."""
        before, until = -1, time.monotonic() + LONGEST_SECONDS
        while before < len(self._waiting) < self._most - 1 and time.monotonic() < until:
            before = len(self._waiting)
            time.sleep(COMPANY_SECONDS)
