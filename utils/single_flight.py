"""One call at a time for what many ask for at once."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Final, TypeVar

T = TypeVar("T")
PATIENCE: Final = 5.0


class Flights:
    """Whoever asks first makes the call; whoever asks meanwhile gets its result, or its error."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._open: dict[Hashable, Future[Any]] = {}
        self._lock, self._patience = Lock(), patience
        self.joined = 0

    def make(self, key: Hashable, call: Callable[[], T], meanwhile: Callable[[], T] | None = None) -> T:
        """Return the result of ``call``; while another makes it, that of ``meanwhile`` where it is given.

        A call that takes longer than our patience is made here as well.
        """
        with self._lock:
            running = self._open.get(key)
            if running is None:
                mine: Future[T] = Future()
                self._open[key] = mine
            else:
                self.joined += 1
        if running is None:
            return self._lead(key, mine, call)
        if meanwhile is not None:
            return meanwhile()
        try:
            result: T = running.result(self._patience)
        except TimeoutError:
            return running.result() if running.done() else call()  # done: the error was the call's own
        return result

    def _lead(self, key: Hashable, mine: "Future[T]", call: Callable[[], T]) -> T:
        try:
            result = call()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(result)
            return result
        finally:
            with self._lock:
                del self._open[key]
