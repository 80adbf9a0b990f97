"""One piece of work of this process: where it waits, how long it may take, and what became of it."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from threading import Lock
from typing import Any, Final, TypeVar
from uuid import uuid4

import pymongo
from pymongo.errors import PyMongoError

from utils.clock import Clock
from utils.context import carried, principal, request_id
from utils.problems import Unavailable

T = TypeVar("T")
KEPT: Final = 1000  # ended tasks that can still be looked up
ASK_AGAIN_SECONDS: Final = 1.0
SHORTEST: Final = 0.001  # MongoDB's driver takes 0 for no limit


class TaskQueue(StrEnum):
    """Where work of one process waits: ``immediate`` is what a request waits for, ``background`` the rest."""

    IMMEDIATE = "immediate"
    BACKGROUND = "background"


class TaskState(StrEnum):
    """``timed_out``: its deadline passed first. If it had begun, it went on to its end, for nobody."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


class ServerIsBusy(Unavailable):
    """This server has more to do than it takes on at once. Nothing was done; repeat after ``Retry-After``
    seconds."""

    title = "The server has too much to do at this moment"


class TookTooLong(Unavailable):
    """It was not ready within the time that it may take. Repeat after ``Retry-After`` seconds."""

    title = "It took too long"


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as it is now. ``error`` is the kind of what it raised, never its text.

    ``waited`` and ``seconds`` (of running) are up to now while it waits or runs.
    """

    id: str
    name: str
    queue: TaskQueue
    state: TaskState
    request_id: str
    principal: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    waited: float
    seconds: float
    error: str | None
    result: Any


# In which queue the work that runs now has its seat; none in a request's own thread.
seated: ContextVar[TaskQueue | None] = ContextVar("seated", default=None)


class Task(Future[T]):
    """Work that was handed in: a Future whose ``result`` waits no longer than its deadline.

    It runs in a context of its own, which holds what travels (``utils/context.py``). MongoDB's driver is told
    the time that is left, so that work for which nobody waits any more ends soon.
    """

    def __init__(
        self,
        work: Callable[..., T],
        args: tuple[object, ...],
        queue: TaskQueue,
        clock: Clock,
        seconds: float | None = None,
    ) -> None:
        super().__init__()
        self.id, self.queue = uuid4().hex, queue
        self.name = str(getattr(work, "__qualname__", type(work).__name__))
        self._work: Callable[[], T] = partial(work, *args)
        self._clock, self._context = clock, carried()
        self._cause = (request_id(), principal())
        self._queued_at, self.queued = clock.now(), clock.monotonic()
        self._deadline = None if seconds is None else self.queued + seconds
        self._begun: float | None = None
        self._over: float | None = None
        self._late = False

    @property
    def late(self) -> bool:
        """Whether its deadline has passed."""
        return self._deadline is not None and self._clock.monotonic() >= self._deadline

    @property
    def state(self) -> TaskState:
        """How far it is."""
        if not self.done():
            return TaskState.RUNNING if self.running() else TaskState.WAITING
        if self._late:
            return TaskState.TIMED_OUT
        if self.cancelled():
            return TaskState.CANCELLED
        return TaskState.DONE if self.exception() is None else TaskState.FAILED

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more: it has ended, was cancelled or is too late to begin."""
        return self.done() or self.late

    def left(self) -> float | None:
        """Return the seconds until the deadline; None where there is none."""
        return None if self._deadline is None else max(0.0, self._deadline - self._clock.monotonic())

    def run(self) -> None:
        """Do the work here and now, unless it was cancelled or is too late; never raises."""
        if self.late:
            self.give_up()
        work, self._work = self._work, _nothing  # so that nobody who keeps the task keeps its arguments
        if not self.set_running_or_notify_cancel():
            self._over = self._clock.monotonic()
            return
        self._begun = self._clock.monotonic()
        try:
            result = self._context.run(self._bounded, work)
        except BaseException as error:  # whatever it is, the thread goes on and the caller hears of it
            self._end(error)
            self.set_exception(error)
        else:
            self._end(None)
            self.set_result(result)

    def give_up(self) -> TookTooLong:
        """Let it not begin any more, since it is too late; return the problem for whoever waits."""
        self._late = True
        self.cancel()
        return TookTooLong(retry_after=ASK_AGAIN_SECONDS)

    def result(self, timeout: float | None = None) -> T:
        """Return what the work returned or raise what it raised; raise TookTooLong at the deadline."""
        bounds = [seconds for seconds in (timeout, self.left()) if seconds is not None]
        try:
            return super().result(min(bounds, default=None))
        except Exception:
            if self._late or (self.late and not self.done()):
                raise self.give_up() from None
            raise

    def view(self) -> TaskView:
        """Return the task as it is now; a result only of the background, else it is with whoever asked."""
        state, now = self.state, self._clock.monotonic()
        over = self._over or now
        begun = self._begun or over
        error = self.exception() if state is TaskState.FAILED else None
        shown = state is TaskState.DONE and self.queue is TaskQueue.BACKGROUND
        return TaskView(
            self.id,
            self.name,
            self.queue,
            state,
            *self._cause,
            queued_at=self._queued_at,
            started_at=self._at(self._begun),
            finished_at=self._at(self._over),
            waited=begun - self.queued,
            seconds=over - begun,
            error=type(error).__name__ if error else None,
            result=self.result() if shown else None,
        )

    def _at(self, moment: float | None) -> datetime | None:
        return None if moment is None else self._queued_at + timedelta(seconds=moment - self.queued)

    def _bounded(self, work: Callable[[], T]) -> T:
        seated.set(self.queue)
        left = self.left()
        if left is None:
            return work()
        with pymongo.timeout(max(left, SHORTEST)):
            return work()

    def _end(self, error: BaseException | None) -> None:
        self._over = self._clock.monotonic()
        cut_off = isinstance(error, PyMongoError) and error.timeout and self._deadline is not None
        self._late = self.late or cut_off


class TaskLog:
    """The tasks of a process by their ids: all that wait or run, and the last ones that ended."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._lock = kept, Lock()
        self._open: dict[str, Task[Any]] = {}
        self._ended: OrderedDict[str, TaskView] = OrderedDict()

    def add(self, task: Task[Any]) -> None:
        """Remember a task."""
        with self._lock:
            self._open[task.id] = task

    def drop(self, task: Task[Any]) -> None:
        """Forget a task that was not taken."""
        with self._lock:
            self._open.pop(task.id, None)

    def ended(self, task_id: str, view: TaskView) -> None:
        """Keep what became of a task, and forget the oldest one that ended."""
        with self._lock:
            if self._open.pop(task_id, None) is not None:
                self._ended[task_id] = view
            while len(self._ended) > self._kept:
                self._ended.popitem(last=False)

    def find(self, task_id: str) -> TaskView | None:
        """Return a task as it is now; None for one that is not known, or no longer."""
        with self._lock:
            task = self._open.get(task_id)
            return task.view() if task is not None else self._ended.get(task_id)


def _nothing() -> Any:
    return None
