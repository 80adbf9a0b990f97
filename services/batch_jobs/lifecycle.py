"""What becomes of a job by itself: it begins, waits, goes on, ends. Every change is audited with it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from services.audit.service import AuditService
from services.batch_jobs.brake import Brake
from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.documents import (
    FENCES_PER_ROUND,
    NEWEST_FENCE,
    OPEN_STATES,
    BatchJob,
    BatchJobState,
    DeadLetter,
    DeliveryState,
    SubBatch,
)
from services.batch_jobs.progress import Announcer
from services.batch_jobs.service import scope_of
from services.ports import Done, JobEngine, JobResult, Later, Lease
from utils.clock import Clock
from utils.scope import Scope

SYSTEM: Final = "system"  # who does what nobody asked for
LONG_WAIT: Final = 10.0  # seconds until the next try; a shorter wait is part of running
END_SECONDS: Final = 30.0
WIND_UP_STEP: Final = 10  # sub-batches


class Lifecycle:
    """Called by workers. Whatever dies at whatever line, the next claim does the rest."""

    def __init__(
        self,
        stored: BatchJobStore,
        engine: JobEngine,
        audit: AuditService,
        announcer: Announcer,
        clock: Clock,
    ) -> None:
        self._stored, self._engine, self._audit = stored, engine, audit
        self._announcer, self._clock = announcer, clock

    def enter(self, lease: Lease, job: BatchJob, sub_batch: SubBatch) -> JobResult | None:
        """Return what a claim of a sub-batch comes to if nothing of it may be sent now, else None."""
        if job.state is BatchJobState.PAUSED:
            return self._park(lease, job)
        if job.state is BatchJobState.CANCELLED:
            self._stored.control.cancel(scope_of(job.campus_id), [sub_batch.id], fence_of(lease, sub_batch))
        elif not sub_batch.done or self._stored.deliveries.open_in(scope_of(job.campus_id), sub_batch.id):
            self._begin(job)
            return None
        self.complete(job.campus_id, job.id)
        return Done()

    def guarded(self, lease: Lease, job: BatchJob, sub_batch: SubBatch) -> tuple[Lease, Brake]:
        """Return the lease to send under: its fence is the round's, it ends when the job may not go on."""
        scope = scope_of(job.campus_id)
        brake = Brake(lambda: self._stored.control.state_of(scope, job.id))
        fence = fence_of(lease, sub_batch)
        return replace(lease, fence=fence, alive=lambda: lease.alive() and brake.free()), brake

    def sent(self, job: BatchJob, brake: Brake) -> None:
        """Note that a unit came to its end."""
        if brake.seen is BatchJobState.RETRYABLE:
            self._turn(job, BatchJobState.RETRYABLE, BatchJobState.RUNNING)
        self._announcer.touch(job.id, job.campus_id)

    def waits(self, job: BatchJob, pause: Later, *, in_vain: bool) -> Later:
        """Note that a sub-batch has to wait; ``in_vain``: after a call that came to nothing."""
        if in_vain and pause.seconds >= LONG_WAIT:
            self._turn(job, BatchJobState.RUNNING, BatchJobState.RETRYABLE)
        self._announcer.touch(job.id, job.campus_id)
        return pause

    def give_up(self, scope: Scope, sub_batch_id: str, reason: str, fence: int = NEWEST_FENCE) -> int:
        """Settle what is open: what may have left is ``unknown``, else ``failed``; return how many."""
        by_state = attrgetter("state")
        rows = sorted(self._stored.deliveries.open_in(scope, sub_batch_id), key=by_state)
        for state, some in groupby(rows, key=by_state):
            end = DeliveryState.UNKNOWN if state is DeliveryState.SENDING else DeliveryState.FAILED
            self._stored.deliveries.settle(scope, [row.id for row in some], fence, end, reason)
        return len(rows)

    def bury(self, campus_id: str | None, job_id: str, sub_batch_id: str, reason: str) -> None:
        """Make a dead letter of a sub-batch that no worker survives, or that never came to an end."""
        scope = scope_of(campus_id)

        def work() -> None:
            job = self._stored.jobs.find(scope, job_id)
            sub_batch = self._stored.jobs.find_sub_batch(scope, sub_batch_id)
            if job is None or sub_batch is None or sub_batch.done:
                return
            if job.state is BatchJobState.CANCELLED:
                self._stored.control.cancel(scope, [sub_batch.id])
            else:
                self._bury(scope, job, sub_batch, reason)

        self._stored.store.atomically(work)
        self.complete(campus_id, job_id)

    def finish(self, campus_id: str | None, job_id: str, alive: Callable[[], bool]) -> JobResult:
        """Wind up what a cancelled job has dropped, in steps, then end the job if nothing of it is open."""
        scope = scope_of(campus_id)
        while ids := self._stored.control.dropped(scope, job_id, WIND_UP_STEP):
            if not alive():
                return Later(0)
            self._stored.control.cancel(scope, ids)
            self._announcer.touch(job_id, campus_id)
        self.complete(campus_id, job_id)
        return Done()

    def complete(self, campus_id: str | None, job_id: str) -> None:
        """End the job if nothing of it is open. Any number of workers may try: one transaction finds out."""
        scope = scope_of(campus_id)
        total, done = self._stored.jobs.sub_batches_of(scope, job_id)
        if done == total:
            self._stored.store.atomically(lambda: self._complete(scope, job_id), patience=END_SECONDS)
        self._announcer.touch(job_id, campus_id)

    def record(self, what: str, job: BatchJob, actor_id: str = SYSTEM, **detail: Any) -> None:
        """Add a line to the audit log, in the transaction of what it tells of."""
        target = f"batch_job:{job.id}"
        self._audit.record(what, actor_id=actor_id, campus_id=job.campus_id, target=target, **detail)

    def _begin(self, job: BatchJob) -> None:
        def work() -> None:
            if self._stored.jobs.mark_started(scope_of(job.campus_id), job.id):
                self.record("batch_job.started", job)

        if job.state is BatchJobState.QUEUED:
            self._stored.store.atomically(work)

    def _park(self, lease: Lease, job: BatchJob) -> JobResult:
        """Have the engine hold this job until the batch job is resumed; if it just was, run again."""
        scope = scope_of(job.campus_id)

        def work() -> bool:
            paused = self._stored.control.stays(scope, job.id, BatchJobState.PAUSED)
            return paused and self._engine.park(lease)

        return Done() if self._stored.store.atomically(work) else Later(0)

    def _turn(self, job: BatchJob, before: BatchJobState, after: BatchJobState) -> None:
        def work() -> None:
            seen = job.model_copy(update={"state": before})
            if self._stored.control.move(scope_of(job.campus_id), seen, {"state": after}):
                self.record(f"batch_job.{after}", job)

        self._stored.store.atomically(work)

    def _bury(self, scope: Scope, job: BatchJob, sub_batch: SubBatch, reason: str) -> None:
        count = self.give_up(scope, sub_batch.id, f"given up after too many tries: {reason}")
        self._stored.control.close(scope, [sub_batch.id], given_up=True)
        letter = DeadLetter(
            id=sub_batch.id,
            job_id=job.id,
            job_type=job.type,
            campus_id=job.campus_id,
            course_ids=job.course_ids,
            channel=sub_batch.channel,
            number=sub_batch.number,
            reason=reason,
            deliveries=count,
            discarded_at=self._clock.now(),
        )
        self._stored.letters.add(scope, letter)
        self.record("batch_job.sub_batch_given_up", job, sub_batch_id=sub_batch.id, deliveries=count)

    def _complete(self, scope: Scope, job_id: str) -> None:
        job = self._stored.jobs.find(scope, job_id)
        if job is None or not job.filled or job.finished_at is not None:
            return
        total, done = self._stored.jobs.sub_batches_of(scope, job_id)
        if done < total:
            return
        end, counts = self._end(scope, job), self._stored.deliveries.counts(scope, job_id)
        if any(counts.get(state) for state in OPEN_STATES):
            return  # somebody still has these: whoever settles them comes here as well
        if self._stored.jobs.finish(scope, job, end, counts, total) and end != job.state:
            self.record(f"batch_job.{end}", job, counts=counts)

    def _end(self, scope: Scope, job: BatchJob) -> BatchJobState:
        if job.state is BatchJobState.CANCELLED:
            return BatchJobState.CANCELLED
        lost = self._stored.control.all_given_up(scope, job.id)
        return BatchJobState.DISCARDED if lost else BatchJobState.COMPLETED


def fence_of(lease: Lease, sub_batch: SubBatch) -> int:
    """Return the fence of a claim: those of a later round are higher than all of an earlier one."""
    return sub_batch.round * FENCES_PER_ROUND + lease.fence
