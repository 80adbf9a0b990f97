"""One queue of a process: so many seats on threads, so many places to wait in front of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from threading import Condition
from typing import Any, Final, Protocol

from utils.tasks import Task, TaskQueue

STEP_SECONDS: Final = 1.0  # of waiting are worth a step of priority, so that nothing waits for ever


@dataclass(frozen=True, slots=True)
class Bound:
    """How much of a queue may run, and how much may wait, at once in this process."""

    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What became of work at the end: it ended in time, it was cancelled before it began, it still runs."""

    finished: int = 0
    given_back: int = 0
    running: int = 0

    def __add__(self, other: "DrainReport") -> "DrainReport":
        return DrainReport(
            self.finished + other.finished, self.given_back + other.given_back, self.running + other.running
        )


class TaskFigures(Protocol):
    """Hears what the queues do; ``/metrics`` shows it. It never raises: that would cost a seat."""

    def queue_is(self, queue: str, waiting: int, running: int) -> None:
        """Hear how full a queue is now."""

    def task_refused(self, queue: str) -> None:
        """Hear that a task found neither a seat nor a place to wait."""

    def task_ended(self, queue: str, state: str, waited: float, seconds: float) -> None:
        """Hear what became of a task, how long it waited and how long it ran."""


class NoFigures:
    """For a processor that nobody watches."""

    def queue_is(self, queue: str, waiting: int, running: int) -> None:
        """Forget it."""

    def task_refused(self, queue: str) -> None:
        """Forget it."""

    def task_ended(self, queue: str, state: str, waited: float, seconds: float) -> None:
        """Forget it."""


class Lane:
    """Seats and places of one queue. Threads are made as they are needed; each holds one seat.

    Something waits only while every seat is taken: the thread that ends a task goes on with the most urgent
    one that waits. A step of priority is worth ``STEP_SECONDS`` of waiting; equals go as they came.
    """

    def __init__(
        self, queue: TaskQueue, bound: Bound, figures: TaskFigures, ended: Callable[[Task[Any]], None]
    ) -> None:
        self.queue, self._bound = queue, bound
        self._figures, self._say_ended = figures, ended
        self._pool = ThreadPoolExecutor(bound.running, thread_name_prefix=queue)
        self._changed = Condition()
        self._places: list[tuple[float, int, Task[Any]]] = []
        self._coming = count()
        self._running = self._ended = self._before = 0
        self._closed = False

    @property
    def running(self) -> int:
        """How many seats are taken."""
        return self._running

    @property
    def seats(self) -> int:
        """How many seats there are."""
        return self._bound.running

    @property
    def waiting(self) -> int:
        """How many places to wait are taken."""
        return len(self._places)

    def take(self, task: Task[Any], *, priority: int = 0, may_wait: bool = True) -> bool:
        """Give the task a seat, else a place to wait; False where it gets neither."""
        with self._changed:
            taken = not self._closed and (self._sit(task) or (may_wait and self._wait(task, priority)))
            self._tell()
        if not taken:
            self._figures.task_refused(self.queue)
        return taken

    def close(self) -> None:
        """Take no more."""
        with self._changed:
            self._closed, self._before = True, self._ended

    def give_back(self) -> int:
        """Cancel all that waits; return how much that was."""
        with self._changed:
            left, self._places = self._places, []
            self._tell()
        for _, _, task in left:
            task.cancel()
            self._settle(task)
        return len(left)

    def drain(self, seconds: float) -> DrainReport:
        """Wait for all that had been taken when it was closed, but not longer; then cancel what waits."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, max(0.0, seconds))
            finished = self._ended - self._before
        report = DrainReport(finished, self.give_back(), self._running)
        self._pool.shutdown(wait=False)
        return report

    def _sit(self, task: Task[Any]) -> bool:
        if self._running >= self._bound.running:
            return False
        seat = [task]
        try:
            self._pool.submit(self._work, seat)
        except (
            Exception
        ):  # no thread can be started; the pool has queued it all the same, for whoever is free
            if _taken(seat) is not None:
                raise
        self._running += 1
        return True

    def _wait(self, task: Task[Any], priority: int) -> bool:
        if self.waiting >= self._bound.waiting:
            self._clear_away()
        if self.waiting >= self._bound.waiting:
            return False
        heappush(self._places, (task.queued - priority * STEP_SECONDS, next(self._coming), task))
        return True

    def _clear_away(self) -> None:
        """Free the places of those for whom nobody waits any more."""
        dead = [place for place in self._places if place[2].over]
        if dead:
            self._places = [place for place in self._places if not place[2].over]
            heapify(self._places)
        for _, _, task in dead:
            self._settle(task)

    def _work(self, seat: list[Task[Any]]) -> None:
        task = _taken(seat)
        while task is not None:
            self._settle(task)
            task = self._next()

    def _settle(self, task: Task[Any]) -> None:
        task.run()  # which only says that it is over, where it was cancelled or is too late
        self._say_ended(task)

    def _next(self) -> Task[Any] | None:
        with self._changed:
            self._ended += 1
            following = heappop(self._places)[2] if self._places else None
            if following is None:
                self._running -= 1
            self._tell()
            self._changed.notify_all()
        return following

    def _tell(self) -> None:
        self._figures.queue_is(self.queue, self.waiting, self._running)


def _taken(seat: list[Task[Any]]) -> Task[Any] | None:
    """Take the task from a seat: one of two who try gets it."""
    with suppress(IndexError):
        return seat.pop()
    return None
