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
        """Announce all that moved; what fails stays noted, and the first error is raised at the end."""
        with self._lock:
            moved, self._moved = self._moved, set()
        errors: list[Exception] = []
        for key in moved:
            try:
                again = self._announce(key)
            except Exception as error:
                errors.append(error)
                again = True
            if again:
                self.touch(key)
        if errors:
            raise errors[0]
