"""Putting messages back to be tried again: new units with new keys, in sub-batches of a new round."""

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.documents import (
    BatchJob,
    BatchJobState,
    DeadLetter,
    Delivery,
    DeliveryState,
    SubBatch,
)
from services.batch_jobs.problems import (
    BatchJobStateForbids,
    MessagesOutlived,
    NothingToRetry,
    StillBeingFilled,
)
from services.batch_jobs.service import BatchJobService, scope_of, turn_of
from services.ports import JSON, Channel, Done, JobEngine, JobResult, Later, Lease, MessageSender, Queue
from utils.batch_processor import chunked
from utils.documents import new_id
from utils.scope import Scope

RETRY_JOB: Final = "batch_jobs.retry"
CHUNK_SECONDS: Final = 30.0
MAY_BE_RETRIED: Final = (
    BatchJobState.RUNNING,
    BatchJobState.RETRYABLE,
    BatchJobState.COMPLETED,
    BatchJobState.CANCELLED,
    BatchJobState.DISCARDED,
)


class Retrying:
    """Reopens jobs, at once for a dead letter, in the background and in chunks for all that has failed."""

    def __init__(
        self,
        stored: BatchJobStore,
        engine: JobEngine,
        service: BatchJobService,
        senders: Mapping[Channel, MessageSender],
        size: int,
    ) -> None:
        self._stored, self._engine, self._service = stored, engine, service
        self._senders, self._size = senders, size

    def begin(self, job: BatchJob, *, include_unknown: bool) -> Mapping[str, Any]:
        """Order the retry of what has failed; return the change that reopens the job. For a transaction."""
        change, scope = _reopened(job), scope_of(job.campus_id)
        states = [DeliveryState.FAILED, *([DeliveryState.UNKNOWN] if include_unknown else [])]
        counts = self._stored.deliveries.counts(scope, job.id)
        if not any(counts.get(state) for state in states):
            raise NothingToRetry()
        self._stored.letters.put_back_all(scope, job.id)
        args: dict[str, JSON] = {"job_id": job.id, "campus_id": job.campus_id, "states": list(states)}
        key = f"retry:{job.id}:{change['round']}"
        self._engine.submit(RETRY_JOB, args, queue=Queue.MESSAGES, key=key, group=job.id, fair=turn_of(job))
        return change | {"filled": False}

    def put_back(self, job: BatchJob, letter: DeadLetter) -> Mapping[str, Any]:
        """Put back what failed with it; return the change that reopens the job. For a transaction."""
        change, scope = _reopened(job), scope_of(job.campus_id)
        rows = self._stored.control.failed_in(scope, letter.id)
        if not rows:
            raise NothingToRetry()
        self._again(scope, job.model_copy(update={"round": change["round"]}), rows)
        return change

    def run(self, lease: Lease) -> JobResult:
        """Put back chunk after chunk, then close the job. A repetition finds what is left."""
        scope, job_id = _place(lease.args)
        while self._stored.store.atomically(
            partial(self._chunk, scope, job_id, lease.args), patience=CHUNK_SECONDS
        ):
            if not lease.alive():
                return Later(0)
        self._close(scope, job_id)
        return Done()

    def dead(self, args: Mapping[str, JSON], _reason: str) -> None:
        """Leave as failed what could not be put back."""
        self._close(*_place(args))

    def _chunk(self, scope: Scope, job_id: str, args: Mapping[str, JSON]) -> int:
        job = self._stored.jobs.find(scope, job_id)
        if job is None or job.state is BatchJobState.CANCELLED:
            return 0
        if not self._stored.control.stays(scope, job_id, job.state):
            return 0
        states = args["states"]
        for state in states if isinstance(states, Sequence) else ():
            before = DeliveryState(str(state))
            if rows := self._stored.control.ended_before(scope, job, before, self._size):
                return self._again(scope, job, rows)
        return 0

    def _again(self, scope: Scope, job: BatchJob, rows: Sequence[Delivery]) -> int:
        """Move deliveries of one channel to a new sub-batch."""
        channel = rows[0].channel
        sub_batch = SubBatch(
            id=new_id(), job_id=job.id, campus_id=job.campus_id, channel=channel, number=0, round=job.round
        )
        units = {
            row.id: unit
            for some in chunked(rows, self._senders[channel].unit_size)
            for unit in [str(uuid.uuid4())]
            for row in some
        }
        self._stored.jobs.add_sub_batches(scope, [sub_batch])
        self._stored.control.put_back(scope, sub_batch, units)
        self._service.send_later(job, [sub_batch])
        return len(units)

    def _close(self, scope: Scope, job_id: str) -> None:
        def work() -> None:
            if job := self._stored.jobs.find(scope, job_id):
                self._service.close(job)

        self._stored.store.atomically(work)


def _reopened(job: BatchJob) -> dict[str, Any]:
    """Return the change that makes a job run again; raise for one that cannot."""
    ending = job.state is BatchJobState.CANCELLED and job.finished_at is None
    if job.state not in MAY_BE_RETRIED or ending:
        raise BatchJobStateForbids.of(job, MAY_BE_RETRIED)
    if not job.filled:
        raise StillBeingFilled()
    if job.summarised_at is not None:
        raise MessagesOutlived()
    return {"state": BatchJobState.RUNNING, "finished_at": None, "round": job.round + 1}


def _place(args: Mapping[str, JSON]) -> tuple[Scope, str]:
    campus_id = args["campus_id"]
    return scope_of(str(campus_id) if campus_id is not None else None), str(args["job_id"])
