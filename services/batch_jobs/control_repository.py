"""What control does to jobs, sub-batches and deliveries; and the collection ``dead_letters``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from services.batch_jobs.delivery_repository import DeliveryRepository, become
from services.batch_jobs.documents import (
    BATCH_JOBS,
    DEAD_LETTERS,
    DELIVERIES,
    FENCES_PER_ROUND,
    NEWEST_FENCE,
    SUB_BATCHES,
    BatchJob,
    BatchJobState,
    DeadLetter,
    Delivery,
    DeliveryState,
    SubBatch,
)
from services.batch_jobs.repository import OF_ALL_COURSES, BatchJobRepository
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, Store, by_id

AGAIN: Final = "put back to be tried again"
CANCELLED: Final = (
    (DeliveryState.PENDING, DeliveryState.SKIPPED, "cancelled"),
    (DeliveryState.SENDING, DeliveryState.UNKNOWN, "cancelled while the provider's answer was lost"),
)


class ControlRepository:
    """Moves jobs from state to state, and what belongs to them along."""

    def __init__(self, store: Store) -> None:
        self._jobs = store.rows(BATCH_JOBS, OF_ALL_COURSES)
        self._sub_batches, self._deliveries = store.rows(SUB_BATCHES), store.rows(DELIVERIES)

    def state_of(self, scope: Scope, job_id: str) -> BatchJobState | None:
        """Return a job's state now, as cheaply as that can be asked."""
        row = self._jobs.find_one(scope, {"_id": job_id}, {"state": 1})
        return BatchJobState(row["state"]) if row else None

    def move(self, scope: Scope, job: BatchJob, change: Mapping[str, Any]) -> BatchJob | None:
        """Change a job that is still in the state in which it was read; return it as it is afterwards."""
        wanted = {"_id": job.id, "state": job.state}
        row = self._jobs.find_and_update(scope, wanted, [{"$set": change}])
        return BatchJob.from_mongo(row) if row else None

    def stays(self, scope: Scope, job_id: str, state: BatchJobState) -> bool:
        """Tell whether a job is in a state; it then stays in it until the open transaction ends."""
        wanted = {"_id": job_id, "state": state}
        return self._jobs.update_one(scope, wanted, [{"$set": {"looked_at": "$$NOW"}}])

    def close(self, scope: Scope, sub_batch_ids: Sequence[str], *, given_up: bool = False) -> None:
        """Mark sub-batches as done."""
        change = {"done": True, "given_up": given_up}
        self._sub_batches.update_many(scope, {"_id": {"$in": list(sub_batch_ids)}}, {"$set": change})

    def all_given_up(self, scope: Scope, job_id: str) -> bool:
        """Tell whether every sub-batch of a job was given up, and whether it has any."""
        ends = [
            bool(row.get("given_up"))
            for row in self._sub_batches.find(scope, {"job_id": job_id}, {"given_up": 1})
        ]
        return bool(ends) and all(ends)

    def cancel(self, scope: Scope, sub_batch_ids: Sequence[str], fence: int = NEWEST_FENCE) -> None:
        """Settle what is open in sub-batches that nobody runs, or that the fence owns, and close them."""
        open_here = {"sub_batch_id": {"$in": list(sub_batch_ids)}, "fence": {"$lte": fence}}
        for before, after, reason in CANCELLED:
            self._deliveries.update_many(scope, {**open_here, "state": before}, become(after, reason))
        self.close(scope, sub_batch_ids)

    def drop(self, scope: Scope, job_id: str, sub_batch_ids: Sequence[str]) -> int:
        """Note that nobody will run these sub-batches of a job; return how many of the ids were some."""
        wanted = {"job_id": job_id, "done": False, "_id": {"$in": list(sub_batch_ids)}}
        return self._sub_batches.update_many(scope, wanted, {"$set": {"dropped": True}})

    def dropped(self, scope: Scope, job_id: str, most: int) -> list[str]:
        """Return the ids of some sub-batches that were dropped and are not closed yet."""
        wanted = {"job_id": job_id, "done": False, "dropped": True}
        return [str(row["_id"]) for row in self._sub_batches.find(scope, wanted, {"_id": 1}, limit=most)]

    def ended_before(self, scope: Scope, job: BatchJob, state: DeliveryState, most: int) -> list[Delivery]:
        """Return deliveries of one channel that ended in ``state`` before this round, and may be sent."""
        older = {"fence": {"$lt": job.round * FENCES_PER_ROUND}, "ended": None}
        query = {"job_id": job.id, "state": state, **older}
        rows = self._deliveries.find(scope, query, sort=[("_id", 1)], limit=most)
        return [Delivery.from_mongo(row) for row in rows if row["channel"] == rows[0]["channel"]]

    def failed_in(self, scope: Scope, sub_batch_id: str) -> list[Delivery]:
        """Return the failed deliveries of a sub-batch, in order."""
        query = {"sub_batch_id": sub_batch_id, "state": DeliveryState.FAILED}
        return [Delivery.from_mongo(row) for row in self._deliveries.find(scope, query, sort=[("number", 1)])]

    def put_back(self, scope: Scope, sub_batch: SubBatch, units: Mapping[str, str]) -> None:
        """Move deliveries (by id, in order, with their new keys) to a new sub-batch, as if never tried."""
        change = become(DeliveryState.PENDING, AGAIN)
        change[0]["$set"] |= {
            "sub_batch_id": sub_batch.id,
            "number": by_id({delivery_id: number for number, delivery_id in enumerate(units)}),
            "unit": by_id(units),
            "fence": sub_batch.round * FENCES_PER_ROUND,
            "tried_at": None,
            "counted": False,
            "reported": 0,
        }
        self._deliveries.update_many(scope, {"_id": {"$in": list(units)}}, change)


class DeadLetterRepository:
    """Sub-batches that were given up."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(DEAD_LETTERS, OF_ALL_COURSES)

    def add(self, scope: Scope, letter: DeadLetter) -> None:
        """Store a new dead letter."""
        self._rows.insert(scope, letter.to_mongo())

    def find(self, scope: Scope, letter_id: str) -> DeadLetter | None:
        """Return a dead letter of the scope, also one that was put back."""
        row = self._rows.find_one(scope, {"_id": letter_id})
        return DeadLetter.from_mongo(row) if row else None

    def list_open(self, scope: Scope, keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {"open": True, **keyset.filter}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def put_back(self, scope: Scope, letter_id: str) -> bool:
        """Take one off the list; one caller wins."""
        return self._rows.update_one(scope, {"_id": letter_id, "open": True}, {"$set": {"open": False}})

    def put_back_all(self, scope: Scope, job_id: str) -> None:
        """Take those of a job off the list."""
        self._rows.update_many(scope, {"job_id": job_id, "open": True}, {"$set": {"open": False}})


@dataclass(frozen=True, slots=True)
class BatchJobStore:
    """The repositories of this area and the transaction over them."""

    jobs: BatchJobRepository
    deliveries: DeliveryRepository
    control: ControlRepository
    letters: DeadLetterRepository
    store: Store

    @classmethod
    def over(cls, store: Store) -> Self:
        """Return the repositories over one database."""
        return cls(
            BatchJobRepository(store),
            DeliveryRepository(store),
            ControlRepository(store),
            DeadLetterRepository(store),
            store,
        )
