"""Jobs that have outlived their time: their messages are deleted, what they came to stays.

First the counts become final (``summarised_at``), then rows go in small steps, then the job is done with
(``emptied_at``). It may die at any line: the next run finds the job where it was left.
"""

from typing import Final

from services.batch_jobs.control_repository import BatchJobStore
from services.batch_jobs.documents import BatchJob
from services.batch_jobs.retention_repository import RetentionRepository
from services.batch_jobs.service import scope_of
from services.ports import Done, JobEngine, JobResult, Later, Lease, Queue
from utils.clock import Clock

RETENTION_JOB: Final = "batch_jobs.retention"
ORDER_SECONDS: Final = 600.0
STEP: Final = 1000  # rows
DAY_MS: Final = 24 * 3600 * 1000
LAST: Final = -3  # of all priorities


class Retention:
    """Ordered once an hour by whichever process comes first, run by one at a time."""

    def __init__(
        self, stored: BatchJobStore, old: RetentionRepository, engine: JobEngine, clock: Clock, days: int
    ) -> None:
        self._stored, self._old, self._engine = stored, old, engine
        self._clock, self._age_ms = clock, days * DAY_MS

    def order(self) -> None:
        """Order this hour's run; a second order of it changes nothing."""
        key = f"retention:{self._clock.now():%Y-%m-%dT%H}"
        self._engine.submit(RETENTION_JOB, {}, queue=Queue.MESSAGES, key=key, priority=LAST)

    def run(self, lease: Lease) -> JobResult:
        """Empty one old job after the other."""
        while job := self._old.next_due(self._age_ms):
            if job.summarised_at is None and not self._summarise(job):
                continue  # it was reopened meanwhile
            scope = scope_of(job.campus_id)
            while self._old.delete_some(scope, job.id, STEP):
                if not lease.alive():
                    return Later(0)
            self._old.emptied(scope, job.id)
        return Done()

    def _summarise(self, job: BatchJob) -> bool:
        scope = scope_of(job.campus_id)

        def work() -> bool:
            return self._old.summarise(scope, job, self._stored.deliveries.counts(scope, job.id))

        return self._stored.store.atomically(work)
