"""Functions outside the request: one bounded pool per process, with as many seats as threads."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Lock
from typing import Any

logger = logging.getLogger(__name__)


class AsyncProcessor:
    """A ThreadPoolExecutor that takes no more than it can run at once and never swallows a failure.

    Threads are made as they are needed and kept; ``max_workers`` is the bound, not the start. What runs sees
    the context variables of whoever handed it in.
    """

    def __init__(self, max_workers: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers, thread_name_prefix="job")
        self._max, self._lock = max_workers, Lock()
        self._running: set[Future[Any]] = set()
        self._closed = False

    @property
    def running(self) -> int:
        """How many functions run now."""
        return len(self._running)

    def try_submit(self, work: Callable[..., object], /, *args: object) -> bool:
        """Start ``work(*args)`` if a seat is free; tell whether it was started."""
        with self._lock:
            if self._closed or len(self._running) >= self._max:
                return False
            future = self._pool.submit(copy_context().run, self._guarded, work, args)
            self._running.add(future)
        future.add_done_callback(self._left)
        return True

    def drain(self, timeout: float) -> int:
        """Take no more work and wait; return how many functions still run after ``timeout`` seconds."""
        with self._lock:
            self._closed = True
            running = set(self._running)
        late = wait(running, timeout).not_done
        self._pool.shutdown(wait=False, cancel_futures=True)
        return len(late)

    def _guarded(self, work: Callable[..., object], args: tuple[object, ...]) -> None:
        try:
            work(*args)
        except Exception:
            logger.exception("background work failed: %s", getattr(work, "__qualname__", work))

    def _left(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)
