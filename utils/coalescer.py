"""Many small movements, few announcements: the last one is never lost."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Coalescer(Generic[Key]):
    """Collects keys that moved; each tick announces every one of them once.

    ``announce`` returns True when the key is to be announced again at the next tick.
    """

    def __init__(self, announce: Callable[[Key], bool]) -> None:
        self._announce = announce
        self._moved: set[Key] = set()
        self._lock = Lock()

    def touch(self, key: Key) -> None:
        """Note that ``key`` moved."""
        with self._lock:
            self._moved.add(key)

    def tick(self) -> None:
        """Announce what moved; what fails stays noted."""
        with self._lock:
            moved, self._moved = self._moved, set()
        while moved:
            key = moved.pop()
            try:
                if self._announce(key):
                    self.touch(key)
            except Exception:
                for missed in (key, *moved):
                    self.touch(missed)
                raise
