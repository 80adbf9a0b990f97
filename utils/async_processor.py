"""Work outside the thread that asks for it: two queues in each process, bounded and watched."""

import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_EXCEPTION, wait
from dataclasses import asdict
from typing import Any, Final, TypeVar

from utils.clock import Clock, SystemClock
from utils.lanes import Bound, DrainReport, Lane, NoFigures, TaskFigures
from utils.problems import Problem
from utils.tasks import ASK_AGAIN_SECONDS, ServerIsBusy, Task, TaskLog, TaskQueue, TaskState, TaskView, seated

logger = logging.getLogger(__name__)

T = TypeVar("T")
IMMEDIATE: Final = Bound(running=32, waiting=200)
BACKGROUND_WAITING: Final = 1000


class AsyncProcessor:
    """Runs functions of this process on threads: for requests that wait for them, and in the background.

    - Each queue has its bound of what runs and of what waits; whoever finds both full is told at once.
    - Work sees what travels (``utils/context.py``), never its caller's transaction, and leaks nothing back.
    - Whoever sits on a seat never waits for one: work that hands in work gets a free seat for it, or does it
      itself. So everybody waits only for what runs, and nobody for ever.
    - Nothing here survives the process. What must not be lost is a durable job (``JobEngine``).
    """

    def __init__(
        self,
        workers: int,
        immediate: Bound = IMMEDIATE,
        *,
        background_waiting: int = BACKGROUND_WAITING,
        figures: TaskFigures | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._figures, self._clock = figures or NoFigures(), clock or SystemClock()
        self._log = TaskLog()
        bounds = {TaskQueue.IMMEDIATE: immediate, TaskQueue.BACKGROUND: Bound(workers, background_waiting)}
        self._lanes = {
            queue: Lane(queue, bound, self._figures, self._ended) for queue, bound in bounds.items()
        }

    @property
    def workers(self) -> int:
        """How many functions may run in the background at once."""
        return self._lanes[TaskQueue.BACKGROUND].seats

    @property
    def running(self) -> int:
        """How many functions run in the background now."""
        return self._lanes[TaskQueue.BACKGROUND].running

    def waiting(self, queue: TaskQueue) -> int:
        """Return how many functions wait in a queue."""
        return self._lanes[queue].waiting

    # --- for requests ---

    def call(
        self, work: Callable[..., T], /, *args: object, deadline: float | None = None, priority: int = 0
    ) -> Task[T]:
        """Begin ``work(*args)`` and return its Future; raise ServerIsBusy at once where the queue is full.

        After ``deadline`` seconds ``result()`` raises TookTooLong, and what has not begun never begins.
        """
        return self._hand_in(Task(work, args, TaskQueue.IMMEDIATE, self._clock, deadline), priority)

    def parallel(self, reads: Mapping[str, Callable[[], Any]], deadline: float) -> dict[str, Any]:
        """Return what every read returns, all of them within ``deadline`` seconds.

        Raises what the first one raised that failed, or TookTooLong; what has not begun then never begins.
        Reads that find no free seat are done by the calling thread: this never waits in a queue. A read is no
        part of the caller's transaction.
        """
        tasks = {
            name: Task(read, (), TaskQueue.IMMEDIATE, self._clock, deadline) for name, read in reads.items()
        }
        lane = self._lanes[TaskQueue.IMMEDIATE]
        try:
            for task in [task for task in tasks.values() if not lane.take(task, may_wait=False)]:
                self._do(task)
            _wait_for(tasks.values())
            return {name: task.result() for name, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()

    # --- in the background ---

    def try_submit(self, work: Callable[..., object], /, *args: object) -> bool:
        """Start ``work(*args)`` in the background if a seat is free; tell whether it was started."""
        task = Task(work, args, TaskQueue.BACKGROUND, self._clock)
        return self._placed(task, may_wait=False)

    def submit(
        self, work: Callable[..., T], /, *args: object, deadline: float | None = None, priority: int = 0
    ) -> Task[T]:
        """Do ``work(*args)`` in the background, the most urgent first; raise ServerIsBusy if it is full."""
        return self._hand_in(Task(work, args, TaskQueue.BACKGROUND, self._clock, deadline), priority)

    # --- looking, ending ---

    def task(self, task_id: str) -> TaskView | None:
        """Return a task as it is now; None for one that is not known, or ended long ago."""
        return self._log.find(task_id)

    def drain(self, timeout: float) -> DrainReport:
        """Take no more work. What requests wait for is finished, what waits in the background given back."""
        until = self._clock.monotonic() + timeout
        background, immediate = self._lanes[TaskQueue.BACKGROUND], self._lanes[TaskQueue.IMMEDIATE]
        background.close()
        immediate.close()
        report = DrainReport(given_back=background.give_back())
        for lane in (immediate, background):
            report += lane.drain(until - self._clock.monotonic())
        level = logging.WARNING if report.running or report.given_back else logging.INFO
        logger.log(level, "the work of this process was drained", extra=asdict(report))
        return report

    def _hand_in(self, task: Task[T], priority: int) -> Task[T]:
        inside = seated.get() is not None
        if self._placed(task, priority=priority, may_wait=not inside):
            return task
        if not inside:
            raise ServerIsBusy(retry_after=ASK_AGAIN_SECONDS)
        self._do(task)
        return task

    def _placed(self, task: Task[Any], *, priority: int = 0, may_wait: bool) -> bool:
        self._log.add(task)
        taken = False
        try:
            taken = self._lanes[task.queue].take(task, priority=priority, may_wait=may_wait)
        finally:
            if not taken:
                self._log.drop(task)
        return taken

    def _do(self, task: Task[Any]) -> None:
        task.run()
        self._ended(task)

    def _ended(self, task: Task[Any]) -> None:
        view = task.view()
        self._figures.task_ended(view.queue, view.state, view.waited, view.seconds)
        self._log.ended(task.id, view)
        if view.queue is TaskQueue.BACKGROUND and view.state is TaskState.FAILED:
            _complain(task)


def _wait_for(tasks: Collection[Task[Any]]) -> None:
    """Return when all have ended, one has failed, or one is too late."""
    left = min((left for task in tasks if (left := task.left()) is not None), default=None)
    wait(tasks, left, FIRST_EXCEPTION)
    for task in tasks:
        if task.state is TaskState.FAILED:
            task.result()


def _complain(task: Task[Any]) -> None:
    """Log the failure of work for which nobody waits; a Problem was foreseen."""
    error = task.exception()
    if not isinstance(error, Problem):
        logger.error("background work failed: %s", task.name, exc_info=error)
