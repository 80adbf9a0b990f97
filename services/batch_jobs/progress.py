"""Live progress of batch jobs: at most five events a second per job, and always the last state."""

from typing import Final

from config.constants import LIVE_EVENTS_PER_SECOND
from services.batch_jobs.repository import BatchJobRepository
from services.batch_jobs.service import BatchJobService, scope_of
from services.ports import ProgressFeed
from utils.coalescer import Coalescer

GAP_MS: Final = 1000 // LIVE_EVENTS_PER_SECOND
COUNTED_PER_MS: Final = 25  # deliveries: a large job is announced less often, as counting it takes longer


class Announcer:
    """Tells the watchers of a job, in every process, how far it is."""

    def __init__(self, jobs: BatchJobRepository, service: BatchJobService, feed: ProgressFeed) -> None:
        self._jobs, self._service, self._feed = jobs, service, feed
        self._moved = Coalescer[tuple[str, str | None]](self._announce)
        self.tick = self._moved.tick

    def touch(self, job_id: str, campus_id: str | None) -> None:
        """Note that a job moved."""
        self._moved.touch((job_id, campus_id))

    def _announce(self, moved: tuple[str, str | None]) -> bool:
        """Announce a job unless some process has just done it; say whether to come back.

        Whoever announced anything but the end comes back until the end has been said: a process that read
        older counts cannot have the last word.
        """
        job_id, campus_id = moved
        scope = scope_of(campus_id)
        job = self._jobs.find(scope, job_id)
        if job is None:
            return False
        gap_ms = max(GAP_MS, sum(job.counts.values()) // COUNTED_PER_MS)
        if not self._jobs.may_announce(scope, job_id, gap_ms):
            return True
        shown = self._service.show(job)
        units = (shown.sub_batches.total, shown.sub_batches.done)
        self._jobs.save_counts(scope, job_id, shown.state, shown.counts.model_dump(), units)
        self._feed.publish(f"batch_job:{job_id}", "batch_job:progress", shown)
        after = self._jobs.find(scope, job_id)
        return after is not None and after.state != shown.state
