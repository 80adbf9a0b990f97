"""The collections ``batch_jobs``, ``sub_batches`` and ``template_versions``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from services.batch_jobs.documents import (
    BATCH_JOBS,
    SUB_BATCHES,
    TEMPLATE_VERSIONS,
    BatchJob,
    BatchJobState,
    DeliveryState,
    SubBatch,
)
from services.notifications.templates import TemplateSource
from services.ports import Channel
from utils.documents import first_id_at
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import PLATFORM, Row, ScopeRule, Store

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
OF_ALL_COURSES: Final = ScopeRule(course="course_ids", every_course=True)


@dataclass(frozen=True, slots=True)
class JobTally:
    """How many jobs are in one state, and how many of their deliveries in which."""

    state: BatchJobState
    jobs: int
    deliveries: Mapping[DeliveryState, int]


class BatchJobRepository:
    """Jobs and their sub-batches."""

    def __init__(self, store: Store) -> None:
        self._jobs = store.rows(BATCH_JOBS, OF_ALL_COURSES)
        self._sub_batches = store.rows(SUB_BATCHES)
        self._versions = store.system(TEMPLATE_VERSIONS)

    def add(self, scope: Scope, job: BatchJob) -> None:
        """Store a new job."""
        self._jobs.insert(scope, job.to_mongo())

    def find(self, scope: Scope, job_id: str) -> BatchJob | None:
        """Return a job of the scope."""
        row = self._jobs.find_one(scope, {"_id": job_id})
        return BatchJob.from_mongo(row) if row else None

    def list_jobs(self, scope: Scope, filters: Mapping[str, str], keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {**filters, **keyset.filter}
        return self._jobs.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def tallies(self, scope: Scope, since: datetime) -> list[JobTally]:
        """Return how many jobs were made since then by state, and what became of their messages."""
        query = {"state": {"$in": list(BatchJobState)}, "_id": {"$gte": first_id_at(since)}}
        sums = {str(state): {"$sum": f"$counts.{state}"} for state in DeliveryState}
        rows = self._jobs.aggregate(scope, query, [{"$group": {"_id": "$state", "n": {"$sum": 1}, **sums}}])
        return [
            JobTally(BatchJobState(row["_id"]), row["n"], {state: row[state] for state in DeliveryState})
            for row in rows
        ]

    def add_sub_batches(self, scope: Scope, sub_batches: Sequence[SubBatch]) -> None:
        """Store sub-batches. The job itself is not written: its progress is, all the time, by others."""
        self._sub_batches.insert_many(scope, [sub_batch.to_mongo() for sub_batch in sub_batches])

    def find_sub_batch(self, scope: Scope, sub_batch_id: str) -> SubBatch | None:
        """Return a sub-batch."""
        row = self._sub_batches.find_one(scope, {"_id": sub_batch_id})
        return SubBatch.from_mongo(row) if row else None

    def finish_sub_batch(self, scope: Scope, sub_batch_id: str) -> None:
        """Mark a sub-batch as done."""
        self._sub_batches.update_one(scope, {"_id": sub_batch_id}, {"$set": {"done": True}})

    def sub_batches_of(self, scope: Scope, job_id: str) -> tuple[int, int]:
        """Return how many sub-batches a job has, and how many of them are done."""
        group = {"$group": {"_id": "$done", "n": {"$sum": 1}}}
        rows = self._sub_batches.aggregate(scope, {"job_id": job_id}, [group])
        counts = {bool(row["_id"]): int(row["n"]) for row in rows}
        return sum(counts.values()), counts.get(True, 0)

    def mark_filled(self, scope: Scope, job_id: str) -> bool:
        """Note that every recipient has been added."""
        return self._jobs.update_one(scope, {"_id": job_id, "filled": False}, {"$set": {"filled": True}})

    def mark_started(self, scope: Scope, job_id: str) -> bool:
        """Note that the first message is being tried."""
        started = {"state": BatchJobState.RUNNING, "started_at": "$$NOW"}
        return self._jobs.update_one(
            scope, {"_id": job_id, "state": BatchJobState.QUEUED}, [{"$set": started}]
        )

    def save_counts(
        self,
        scope: Scope,
        job_id: str,
        state: BatchJobState,
        counts: Mapping[str, int],
        sub_batches: tuple[int, int],
    ) -> None:
        """Keep the latest counts for lists, unless the job has left ``state`` or was emptied since."""
        total, done = sub_batches
        change = {"counts": dict(counts), "sub_batches": total, "sub_batches_done": done}
        current = {"_id": job_id, "state": state, "summarised_at": None}
        self._jobs.update_one(scope, current, {"$set": change})

    def finish(
        self, scope: Scope, job: BatchJob, state: BatchJobState, counts: Mapping[str, int], sub_batches: int
    ) -> bool:
        """End a filled job all of whose sub-batches are done; one caller wins."""
        change = {
            "state": state,
            "finished_at": "$$NOW",
            "counts": {"$literal": dict(counts)},
            "sub_batches": sub_batches,
            "sub_batches_done": sub_batches,
        }
        wanted = {"_id": job.id, "filled": True, "state": job.state, "finished_at": None}
        return self._jobs.update_one(scope, wanted, [{"$set": change}])

    def may_announce(self, scope: Scope, job_id: str, gap_ms: int) -> bool:
        """Win the right to announce a job, at most once per ``gap_ms`` over all processes."""
        due = {"$lte": [{"$ifNull": ["$announced_at", LONG_AGO]}, {"$subtract": ["$$NOW", gap_ms]}]}
        return self._jobs.update_one(
            scope, {"_id": job_id, "$expr": due}, [{"$set": {"announced_at": "$$NOW"}}]
        )

    def keep_version(self, version: str, sources: Mapping[Channel, TemplateSource]) -> None:
        """Keep the texts of a template version; what is kept already stays as it is."""
        for channel, source in sources.items():
            text = {"$setOnInsert": asdict(source)}
            self._versions.update_one(PLATFORM, {"_id": f"{version}:{channel}"}, text, upsert=True)

    def version(self, version: str, channel: Channel) -> TemplateSource:
        """Return the text of a template version for one channel."""
        row = self._versions.find_one(PLATFORM, {"_id": f"{version}:{channel}"}, {"_id": 0})
        if row is None:
            raise LookupError(f"template version {version} is gone")
        return TemplateSource(**row)
