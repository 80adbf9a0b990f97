"""Heavy computation off the request's thread: a bounded pool with a bounded queue in front."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from threading import BoundedSemaphore
from typing import TypeVar

from utils.problems import Unavailable

T = TypeVar("T")


class Offload:
    """Runs GIL-free work (bcrypt) on at most ``threads`` threads of low priority.

    More than ``waiting`` callers at once are sent away with 503 instead of queueing without end. ``begun``
    hears of each of the others.
    """

    def __init__(
        self, threads: int, waiting: int, timeout: float = 20.0, begun: Callable[[], None] = lambda: None
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hash", initializer=_be_nice)
        self._room = BoundedSemaphore(waiting + threads)
        self._timeout, self._begun = timeout, begun

    def run(self, work: Callable[..., T], *args: object) -> T:
        """Return ``work(*args)``; raise Unavailable when the queue is full or the wait too long."""
        if not self._room.acquire(blocking=False):
            raise Unavailable("Too many people are logging in at this moment.", retry_after=2)
        self._begun()
        future: Future[T] = self._pool.submit(work, *args)
        future.add_done_callback(lambda _: self._room.release())
        try:
            return future.result(self._timeout)
        except FutureTimeout:
            future.cancel()
            raise Unavailable("Too many people are logging in at this moment.", retry_after=5) from None

    def close(self) -> None:
        """Take no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _be_nice() -> None:
    with suppress(OSError):  # on Linux a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, 0, 10)
