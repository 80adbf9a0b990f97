"""What every job engine does alike: jobs are stored, held, freed, dropped; one that was claimed is run."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Final

from pymongo.errors import DuplicateKeyError, PyMongoError

from services.jobs.claiming import Claims
from services.jobs.documents import Job, JobState
from services.jobs.leases import Leases
from services.jobs.repository import JobRepository
from services.ports import JSON, DeadHandler, Done, JobHandler, Later, Lease, Queue
from utils.async_processor import AsyncProcessor
from utils.clock import Clock
from utils.context import caused_by, request_id
from utils.problems import Problem
from utils.resilient_services import backoff
from utils.store import Store
from utils.supervisor import Supervisor

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 25  # claims, most of which a crash may burn
LONGEST_SECONDS: Final = 900.0  # that a job may run before it has to come back; all come back sooner
EARLY: Final = timedelta(hours=1)  # due by MongoDB's clock, however wrong ours is, and in order of arrival
STRANGE_SECONDS: Final = 2.0
RENEW_AGAIN_SECONDS: Final = 1.0  # after a failure: what runs may begin nothing new without its lease
WAITING: Final = (JobState.AVAILABLE, JobState.HELD)


@dataclass(frozen=True, slots=True)
class Handler:
    """What runs a kind of job, and what is told when a job of it is given up."""

    run: JobHandler
    dead: DeadHandler
    attempts: int


class DurableEngine(ABC):
    """A JobEngine but for hearing of work: ``announce``, ``wake``, ``watch``, ``drain`` are an engine's own.

    What an engine has claimed it hands to ``work``, on a thread of its choice, or it lets ``poll`` do both.
    """

    def __init__(
        self, jobs: JobRepository, store: Store, processor: AsyncProcessor, clock: Clock, lease_seconds: float
    ) -> None:
        self._jobs, self._store, self._processor, self._clock = jobs, store, processor, clock
        self._leases = Leases(jobs, clock, lease_seconds)
        self._claims = Claims(jobs, self._leases, clock)
        self._handlers: dict[str, Handler] = {}
        self._seats: Mapping[Queue, int] = {}
        self._stopping, self._paused = Event(), Event()

    # --- JobEngine ---

    def submit(
        self,
        job: str,
        args: Mapping[str, JSON],
        *,
        queue: Queue,
        key: str,
        group: str | None = None,
        fair: str | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
    ) -> None:
        """Store one job; a known key is left as it is."""
        if key in self._jobs.known([key]):
            self._store.after_commit(lambda: self.wake(queue))
            return
        with suppress(DuplicateKeyError):  # another process was faster; a transaction then begins anew
            self.submit_many(
                job, [(key, args)], queue=queue, group=group, fair=fair, priority=priority, run_at=run_at
            )

    def submit_many(
        self,
        job: str,
        many: Sequence[tuple[str, Mapping[str, JSON]]],
        *,
        queue: Queue,
        group: str | None = None,
        fair: str | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
    ) -> None:
        """Store many new jobs."""
        if job not in self._handlers:
            raise LookupError(f"no handler for job {job}")
        now, cause = self._clock.now(), request_id()
        new = [
            Job(
                id=key,
                name=job,
                args=dict(args),
                queue=queue,
                group=group,
                fair=fair or job,
                priority=priority,
                run_at=run_at or now - EARLY,
                request_id=cause,
                created_at=now,
            )
            for key, args in many
        ]
        self._jobs.add(new)
        self._store.after_commit(lambda: self.announce(queue, [each.id for each in new]))

    def hold(self, group: str) -> int:
        """Take the group's waiting jobs out of turn."""
        return self._jobs.move(group, [JobState.AVAILABLE], JobState.HELD)

    def free(self, group: str) -> int:
        """Put the group's held jobs back in turn."""
        freed = self._jobs.move(group, [JobState.HELD], JobState.AVAILABLE)
        self._store.after_commit(self._wake_all)
        return freed

    def park(self, lease: Lease) -> bool:
        """Hold a job that runs here; what its handler returns then changes nothing any more."""
        return self._jobs.park(lease.job_id, lease.fence)

    def drop(self, group: str) -> Sequence[str]:
        """End the group's waiting and held jobs together."""
        return self._store.atomically(lambda: self._jobs.cancel(group, WAITING))

    @abstractmethod
    def announce(self, queue: Queue, keys: Sequence[str], /) -> None:
        """Let it be known that these new jobs are stored; never raises for want of a broker."""

    @abstractmethod
    def wake(self, queue: Queue) -> None:
        """Look for work now."""

    # --- running ---

    def handle(self, name: str, run: JobHandler, dead: DeadHandler, attempts: int = MAX_ATTEMPTS) -> None:
        """Declare who runs jobs called ``name``, and who is told of one that was given up."""
        self._handlers[name] = Handler(run, dead, attempts)

    def install(
        self, supervisor: Supervisor, seats: Mapping[Queue, int], longest: float = LONGEST_SECONDS
    ) -> None:
        """Declare the loops: those that find work, one renewer, one sweeper.

        A job that runs for more than ``longest`` seconds loses its lease.
        """
        self._seats = dict(seats)
        if (wanted := sum(seats.values())) > self._processor.workers:
            logger.error("JOB_WORKERS is %d, but the queues have %d seats", self._processor.workers, wanted)
        self.watch(supervisor)
        lease = self._leases.seconds
        renew = partial(self._leases.renew, longest)
        supervisor.add("renew-leases", lease / 3, renew, again=min(RENEW_AGAIN_SECONDS, lease / 3))
        supervisor.add("rescue-jobs", min(2.0, max(0.2, lease / 4)), self._jobs.rescue)

    @abstractmethod
    def watch(self, supervisor: Supervisor) -> None:
        """Declare the loops that find work for the seats."""

    @abstractmethod
    def drain(self, timeout: float) -> int:
        """Claim nothing more, let running jobs stop at their next safe point; return how many did not."""

    def pause(self) -> None:
        """Claim nothing in this process until ``resume``."""
        self._paused.set()

    def resume(self) -> None:
        """Claim again."""
        self._paused.clear()
        self._wake_all()

    def stats(self) -> Mapping[str, int]:
        """Return how many jobs run here, by queue."""
        return self._leases.by_queue()

    def oldest(self) -> Mapping[str, float]:
        """Return for how many seconds the oldest job that runs here has done so, by queue."""
        return self._leases.oldest()

    def idle(self) -> bool:
        """Tell whether nothing may be claimed now."""
        return self._stopping.is_set() or self._paused.is_set()

    def free_seats(self, queue: Queue) -> int:
        """Return how many more jobs of a queue may run here now."""
        return 0 if self.idle() else self._seats[queue] - self._leases.busy(queue)

    def poll(self, queue: Queue) -> None:
        """Claim what is due for the free seats, and run it on the processor's threads."""
        while (free := self.free_seats(queue)) > 0:
            jobs = self._claims.claim(queue, free)
            if jobs is None or not self._begin(jobs):
                return

    def work(self, job: Job) -> None:
        """Run a job whose lease was taken, and come to an end with it whatever happens."""
        try:
            with caused_by(job.request_id):
                self._run(job)
        finally:
            self._leases.leave(job)
            self.seat_is_free(job.queue)

    def seat_is_free(self, queue: Queue) -> None:
        """See whether there is something to do for a seat that has just become free."""
        self.wake(queue)

    def _begin(self, jobs: Sequence[Job]) -> bool:
        """Hand over what was claimed, give back what no thread takes; tell whether all were taken."""
        left = list(jobs)
        try:
            while left and self._processor.try_submit(self.work, left[0]):
                del left[0]
        finally:
            self._give_back(left)
        return not left

    def _give_back(self, jobs: Sequence[Job]) -> None:
        try:
            for job in jobs:
                self._jobs.release(job.id, job.fence, 0, burn=False)
        finally:
            for job in jobs:  # also where MongoDB is away: then the leases lapse and the sweeper does it
                self._leases.leave(job)

    def _run(self, job: Job) -> None:
        handler = self._handlers.get(job.name)
        if handler is None:  # of a newer version, while it is rolled out
            self._jobs.release(job.id, job.fence, STRANGE_SECONDS, burn=False)
            return
        if job.attempt > handler.attempts:
            reason = job.error or "it never came to an end"
            handler.dead(job.args, reason)
            self._jobs.finish(job.id, job.fence, JobState.DISCARDED, reason)
            return
        lease = Lease(job.id, job.fence, job.args, job.attempt, lambda: self._alive(job))
        try:
            result = handler.run(lease)
        except Exception as error:
            self._failed(job, error)
            return
        if isinstance(result, Later):
            self._jobs.release(job.id, job.fence, result.seconds, burn=False)
        elif isinstance(result, Done):
            self._jobs.finish(job.id, job.fence, JobState.COMPLETED)

    def _failed(self, job: Job, error: Exception) -> None:
        logger.exception("job %s %s failed on attempt %d", job.name, job.id, job.attempt, exc_info=error)
        reason = error.title if isinstance(error, Problem) else type(error).__name__
        pause = backoff(job.attempt, base=0.5, cap=30.0)
        with suppress(PyMongoError):  # then the lease lapses and the sweeper does it
            self._jobs.release(job.id, job.fence, pause, burn=True, error=reason)

    def _alive(self, job: Job) -> bool:
        return not self._stopping.is_set() and self._leases.lasts(job)

    def _wake_all(self) -> None:
        for queue in Queue:
            self.wake(queue)
