"""What people do to jobs: pause, resume, cancel, retry. One transaction each, its audit line included."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from models import Actor
from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.documents import GOING, UNFINISHED, BatchJob, BatchJobState
from services.batch_jobs.lifecycle import Lifecycle
from services.batch_jobs.problems import BatchJobStateForbids
from services.batch_jobs.progress import Announcer
from services.batch_jobs.retrying import MAY_BE_RETRIED, Retrying
from services.batch_jobs.schemas import BatchJobOut
from services.batch_jobs.service import BatchJobNotFound, BatchJobService, scope_of
from services.ports import JobEngine

CONTROL_SECONDS: Final = 30.0
AT_ONCE_SECONDS: Final = 0.5  # for which an answer waits for a small job to be wound up; else it is later


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that may be done: in which states, and what the audit log calls it."""

    name: str
    states: Collection[BatchJobState]


PAUSE: Final = Move("paused", GOING)
RESUME: Final = Move("resumed", (BatchJobState.PAUSED,))
CANCEL: Final = Move("cancelled", UNFINISHED)
RETRY: Final = Move("retried", MAY_BE_RETRIED)


class BatchJobControl:
    """Moves jobs for whoever may see them."""

    def __init__(
        self,
        stored: BatchJobStore,
        engine: JobEngine,
        service: BatchJobService,
        lifecycle: Lifecycle,
        retrying: Retrying,
        announcer: Announcer,
    ) -> None:
        self._stored, self._engine, self._service = stored, engine, service
        self._lifecycle, self._retrying, self._announcer = lifecycle, retrying, announcer

    def pause(self, job_id: str, actor: Actor) -> BatchJobOut:
        """Send nothing new; what is on its way ends. No provider call begins later than a second from now."""

        def work(job: BatchJob) -> Mapping[str, Any]:
            self._engine.hold(job.id)
            return {"state": BatchJobState.PAUSED, "paused_from": job.state}

        return self._move(PAUSE, job_id, actor, work)

    def resume(self, job_id: str, actor: Actor) -> BatchJobOut:
        """Let a paused job be what it was."""

        def work(job: BatchJob) -> Mapping[str, Any]:
            self._engine.free(job.id)
            return {"state": job.paused_from or BatchJobState.QUEUED, "paused_from": None}

        return self._move(RESUME, job_id, actor, work)

    def cancel(self, job_id: str, actor: Actor) -> BatchJobOut:
        """Send nothing new, ever: what is pending is skipped, what is on its way ends and is reported."""
        return self._move(CANCEL, job_id, actor, self._drop)

    def retry(self, job_id: str, *, include_unknown: bool, actor: Actor) -> BatchJobOut:
        """Put failed messages back, in the background, as if they had never been tried."""

        def work(job: BatchJob) -> Mapping[str, Any]:
            return self._retrying.begin(job, include_unknown=include_unknown)

        return self._move(RETRY, job_id, actor, work, include_unknown=include_unknown)

    def _drop(self, job: BatchJob) -> Mapping[str, Any]:
        """End what waits. Whoever runs something of the job sees it, and ends that itself.

        What becomes of the messages is written afterwards, in steps (``Lifecycle.finish``): all of a large
        job in one transaction would take longer than anybody waits.
        """
        keys = [key for key in self._engine.drop(job.id) if not key.startswith("finish:")]
        sub_batches = self._stored.control.drop(scope_of(job.campus_id), job.id, keys)
        filler = sub_batches < len(keys)  # whoever was to add recipients will not
        self._service.finish_later(job, f"finish:{job.id}:{job.round}:cancelled")
        return {"state": BatchJobState.CANCELLED, "paused_from": None, "filled": job.filled or filler}

    def _move(
        self,
        move: Move,
        job_id: str,
        actor: Actor,
        work: Callable[[BatchJob], Mapping[str, Any]],
        **detail: Any,
    ) -> BatchJobOut:
        def attempt() -> BatchJob:
            job = self._stored.jobs.find(actor.scope, job_id)
            if job is None:
                raise BatchJobNotFound()
            if job.state not in move.states:
                raise BatchJobStateForbids.of(job, move.states)
            if self._stored.control.move(scope_of(job.campus_id), job, work(job)) is None:
                raise BatchJobStateForbids.of(job, move.states)
            self._lifecycle.record(f"batch_job.{move.name}", job, actor.id, state_before=job.state, **detail)
            return job

        job = self._stored.store.atomically(attempt, patience=CONTROL_SECONDS)
        until = time.monotonic() + AT_ONCE_SECONDS
        self._lifecycle.finish(job.campus_id, job.id, lambda: time.monotonic() < until)
        self._announcer.touch(job.id, job.campus_id)
        return self._service.get(job_id, actor)
