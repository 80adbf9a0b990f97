"""What retention does to the collections of batch jobs: the one reader of jobs across campuses."""

from collections.abc import Mapping
from typing import Final

from services.batch_jobs.documents import BATCH_JOBS, DEAD_LETTERS, DELIVERIES, SUB_BATCHES, BatchJob
from services.batch_jobs.repository import LONG_AGO, OF_ALL_COURSES
from utils.scope import Scope
from utils.store import Store

OLD_JOBS: Final = Scope.unscoped("jobs that have outlived their time")


class RetentionRepository:
    """Finds old jobs, keeps their counts, deletes what belongs to them."""

    def __init__(self, store: Store) -> None:
        self._jobs = store.rows(BATCH_JOBS, OF_ALL_COURSES)
        self._parts = [store.rows(name) for name in (DELIVERIES, SUB_BATCHES, DEAD_LETTERS)]

    def next_due(self, age_ms: int) -> BatchJob | None:
        """Return the job that finished first, of those that finished longer ago than this."""
        old = {"$lt": ["$finished_at", {"$subtract": ["$$NOW", age_ms]}]}
        wanted = {"emptied_at": None, "finished_at": {"$gt": LONG_AGO}, "$expr": old}
        rows = self._jobs.find(OLD_JOBS, wanted, sort=[("finished_at", 1)], limit=1)
        return BatchJob.from_mongo(rows[0]) if rows else None

    def summarise(self, scope: Scope, job: BatchJob, counts: Mapping[str, int]) -> bool:
        """Make the counts of a job final, unless somebody has reopened it."""
        change = {"summarised_at": "$$NOW", "counts": {"$literal": dict(counts)}}
        wanted = {"_id": job.id, "finished_at": job.finished_at, "summarised_at": None}
        return self._jobs.update_one(scope, wanted, [{"$set": change}])

    def delete_some(self, scope: Scope, job_id: str, most: int) -> bool:
        """Delete up to ``most`` rows that belong to a job; tell whether there were any."""
        for rows in self._parts:
            ids = [row["_id"] for row in rows.find(scope, {"job_id": job_id}, {"_id": 1}, limit=most)]
            if ids:
                rows.delete_many(scope, {"_id": {"$in": ids}})
                return True
        return False

    def emptied(self, scope: Scope, job_id: str) -> None:
        """Note that nothing belongs to a job any more."""
        self._jobs.update_one(scope, {"_id": job_id}, [{"$set": {"emptied_at": "$$NOW"}}])
