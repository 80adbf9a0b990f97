"""The job engine of one machine: durable jobs in MongoDB, run by the AsyncProcessor of each process."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Final

from pymongo.errors import PyMongoError

from services.jobs.documents import Job, JobState
from services.jobs.repository import JobRepository
from services.ports import JSON, DeadHandler, Done, JobHandler, Later, Lease, Queue
from utils.async_processor import AsyncProcessor
from utils.clock import Clock
from utils.context import caused_by, request_id
from utils.problems import Problem
from utils.resilient_services import backoff
from utils.store import Store
from utils.supervisor import Loop, Supervisor

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 25  # claims, most of which a crash may burn
MARGIN: Final = 0.2  # share of a lease in which no new effect is begun
AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)  # due by every clock; equal dates keep their order
POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Handler:
    """What runs a kind of job, and what is told when a job of it is given up."""

    run: JobHandler
    dead: DeadHandler


@dataclass(slots=True)
class _Held:
    job: Job
    until: float  # on the monotonic clock, counted from before the claim was asked for


class ThreadsEngine:
    """JobEngine over threads. ``seats`` bounds how many jobs of each queue run at once in this process."""

    def __init__(
        self, jobs: JobRepository, store: Store, processor: AsyncProcessor, clock: Clock, lease_seconds: float
    ) -> None:
        self._jobs, self._store, self._processor, self._clock = jobs, store, processor, clock
        self._lease = lease_seconds
        self._handlers: dict[str, Handler] = {}
        self._held: dict[str, _Held] = {}
        self._busy: dict[Queue, int] = {}
        self._lock, self._stopping, self._paused = Lock(), Event(), Event()
        self._claimers: dict[Queue, Loop] = {}

    # --- JobEngine ---

    def submit(
        self,
        job: str,
        args: Mapping[str, JSON],
        *,
        queue: Queue,
        key: str,
        run_at: datetime | None = None,
    ) -> None:
        """Store one job; a known key is left as it is."""
        if key not in self._jobs.known([key]):
            self._jobs.add([self._new(job, key, args, queue, run_at)])
        self._store.after_commit(lambda: self.wake(queue))

    def submit_many(self, job: str, many: Sequence[tuple[str, Mapping[str, JSON]]], *, queue: Queue) -> None:
        """Store many new jobs."""
        self._jobs.add([self._new(job, key, args, queue, None) for key, args in many])
        self._store.after_commit(lambda: self.wake(queue))

    def wake(self, queue: Queue) -> None:
        """Let this process look for work now; others find it at their next poll."""
        if loop := self._claimers.get(queue):
            loop.wake()

    # --- running ---

    def handle(self, name: str, run: JobHandler, dead: DeadHandler) -> None:
        """Declare who runs jobs called ``name``."""
        self._handlers[name] = Handler(run, dead)

    def install(self, supervisor: Supervisor, seats: Mapping[Queue, int]) -> None:
        """Declare the loops: one claimer per queue, one renewer, one sweeper."""
        for queue, most in seats.items():
            claim = self._claimer(queue, most)
            self._claimers[queue] = supervisor.add(f"claim-{queue}", POLL_SECONDS, claim)
        supervisor.add("renew-leases", self._lease / 3, self._renew)
        supervisor.add("rescue-jobs", min(2.0, max(0.2, self._lease / 4)), self._jobs.rescue)

    def drain(self, timeout: float) -> int:
        """Claim nothing more, let running jobs stop at their next safe point; return how many did not."""
        self._stopping.set()
        return self._processor.drain(timeout)

    def pause(self) -> None:
        """Claim nothing in this process until ``resume``."""
        self._paused.set()

    def resume(self) -> None:
        """Claim again."""
        self._paused.clear()
        for loop in self._claimers.values():
            loop.wake()

    def stats(self) -> Mapping[str, int]:
        """Return how many jobs run here, by queue."""
        with self._lock:
            return {str(queue): busy for queue, busy in self._busy.items()}

    def _new(
        self, name: str, key: str, args: Mapping[str, JSON], queue: Queue, run_at: datetime | None
    ) -> Job:
        if name not in self._handlers:
            raise LookupError(f"no handler for job {name}")
        return Job(
            id=key,
            name=name,
            args=dict(args),
            queue=queue,
            run_at=run_at or AT_ONCE,
            request_id=request_id(),
            created_at=self._clock.now(),
        )

    def _claimer(self, queue: Queue, most: int) -> Callable[[], None]:
        def claim() -> None:
            while not self._idle() and self._busy.get(queue, 0) < most:
                asked = self._clock.monotonic()
                job = self._jobs.claim(queue, self._lease)
                if job is None:
                    return
                self._start(job, asked)

        return claim

    def _idle(self) -> bool:
        return self._stopping.is_set() or self._paused.is_set()

    def _start(self, job: Job, asked: float) -> None:
        with self._lock:
            self._busy[job.queue] = self._busy.get(job.queue, 0) + 1
            self._held[job.id] = _Held(job, asked + self._lease * (1 - MARGIN))
        if not self._processor.try_submit(self._work, job):
            self._jobs.release(job.id, job.fence, 0, burn=False)
            self._leave(job)

    def _work(self, job: Job) -> None:
        try:
            with caused_by(job.request_id):
                self._run(job)
        finally:
            self._leave(job)
            self.wake(job.queue)

    def _run(self, job: Job) -> None:
        handler = self._handlers[job.name]
        if job.attempt > MAX_ATTEMPTS:
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
        held = self._held.get(job.id)
        if held is None or held.job.fence != job.fence:  # lapsed, and claimed again by this very process
            return False
        return not self._stopping.is_set() and self._clock.monotonic() < held.until

    def _leave(self, job: Job) -> None:
        with self._lock:
            self._busy[job.queue] -= 1
            held = self._held.get(job.id)
            if held is not None and held.job.fence == job.fence:
                del self._held[job.id]

    def _renew(self) -> None:
        for held in list(self._held.values()):
            asked = self._clock.monotonic()
            if self._jobs.renew(held.job.id, held.job.fence, self._lease):
                held.until = asked + self._lease * (1 - MARGIN)
            else:
                held.until = 0.0
