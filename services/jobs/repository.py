"""The ``engine_jobs`` collection. Every step is one conditional update, timed by MongoDB's own clock."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pymongo.errors import AutoReconnect

from services.jobs.documents import JOBS, Job, JobState
from services.ports import Queue
from utils.store import PLATFORM, Store

DUE = {"$expr": {"$lte": ["$run_at", "$$NOW"]}}


def _in(seconds: float) -> dict[str, Any]:
    return {"$add": ["$$NOW", int(seconds * 1000)]}


class JobRepository:
    """Hands out leases. A write with an older fence than the job's changes nothing."""

    def __init__(self, store: Store) -> None:
        self._jobs = store.system(JOBS)

    def known(self, keys: Sequence[str]) -> set[str]:
        """Return which of these jobs exist."""
        return {
            str(row["_id"]) for row in self._jobs.find(PLATFORM, {"_id": {"$in": list(keys)}}, {"_id": 1})
        }

    def add(self, jobs: Sequence[Job]) -> None:
        """Store new jobs. A single one whose key is known raises DuplicateKeyError."""
        if len(jobs) == 1:
            self._jobs.insert(PLATFORM, jobs[0].to_mongo())
        else:
            self._jobs.insert_many(PLATFORM, [job.to_mongo() for job in jobs])

    def waiting(self, queue: Queue) -> dict[str | None, int]:
        """Return each ``fair`` key that has a job due, with the priority of the one that is due longest.

        One seek in the index for each key, however many jobs it has.
        """
        order = {"$sort": {"queue": 1, "state": 1, "fair": 1, "run_at": 1}}
        first = {"run_at": {"$first": "$run_at"}, "priority": {"$first": "$priority"}}
        rows = self._jobs.aggregate(
            PLATFORM,
            {"queue": queue, "state": JobState.AVAILABLE},
            [order, {"$group": {"_id": "$fair", **first}}, {"$match": DUE}],
        )
        return {row["_id"]: int(row.get("priority") or 0) for row in rows}

    def due(self, queue: Queue, fair: str | None, limit: int) -> list[str]:
        """Return the ids of a key's jobs that have been due longest."""
        query = {"queue": queue, "state": JobState.AVAILABLE, "fair": fair, **DUE}
        rows = self._jobs.find(PLATFORM, query, {"_id": 1}, sort=[("run_at", 1)], limit=limit)
        return [str(row["_id"]) for row in rows]

    def claim(self, job_ids: Sequence[str], token: str, lease_seconds: float) -> list[Job]:
        """Lease those of these jobs that are still to be had, and return them.

        What bears the token is ours, also where the update's answer was lost on the way: it is not sent
        twice, for the second one would find nothing to change.
        """
        if not job_ids:
            return []
        ids, change = {"_id": {"$in": list(job_ids)}}, _leased(token, lease_seconds)
        with suppress(AutoReconnect):
            self._jobs.update_many(PLATFORM, {**ids, "state": JobState.AVAILABLE, **DUE}, [{"$set": change}])
        rows = self._jobs.find(PLATFORM, {**ids, "token": token, "state": JobState.RUNNING})
        return [Job.from_mongo(row) for row in rows]

    def renew(self, claims: Sequence[tuple[str, int]], lease_seconds: float) -> set[tuple[str, int]]:
        """Prolong leases by job and fence, all in one update; return those that were not lost."""
        if not claims:
            return set()
        ours = {"$or": [_held(job_id, fence) for job_id, fence in claims]}
        self._jobs.update_many(PLATFORM, ours, [{"$set": {"lease_until": _in(lease_seconds)}}])
        return {(str(row["_id"]), int(row["fence"])) for row in self._jobs.find(PLATFORM, ours, {"fence": 1})}

    def finish(self, job_id: str, fence: int, state: JobState, error: str | None = None) -> bool:
        """End a job for good; False if the lease was lost."""
        done = {"state": state, "finished_at": "$$NOW", "lease_until": None, "error": {"$literal": error}}
        return self._jobs.update_one(PLATFORM, _held(job_id, fence), [{"$set": done}])

    def release(
        self, job_id: str, fence: int, seconds: float, *, burn: bool, error: str | None = None
    ) -> bool:
        """Give a job back, due again after ``seconds``; ``burn`` keeps the attempt counted."""
        change = {
            "state": JobState.AVAILABLE,
            "run_at": _in(seconds),
            "lease_until": None,
            "attempt": {"$subtract": ["$attempt", 0 if burn else 1]},
            "error": {"$literal": error},
        }
        return self._jobs.update_one(PLATFORM, _held(job_id, fence), [{"$set": change}])

    def rescue(self) -> int:
        """Make every job available whose lease has lapsed; return how many."""
        return self._jobs.update_many(
            PLATFORM,
            {"state": JobState.RUNNING, "$expr": {"$lt": ["$lease_until", "$$NOW"]}},
            [{"$set": {"state": JobState.AVAILABLE, "lease_until": None}}],
        )

    def move(self, group: str, before: Sequence[JobState], after: JobState) -> int:
        """Take every job of a group that is in one of these states to another one; return how many."""
        wanted = {"group": group, "state": {"$in": list(before)}}
        return self._jobs.update_many(PLATFORM, wanted, {"$set": {"state": after}})

    def cancel(self, group: str, states: Sequence[JobState]) -> list[str]:
        """End every job of a group that is in one of these states; return their keys. For a transaction."""
        wanted = {"group": group, "state": {"$in": list(states)}}
        keys = [str(row["_id"]) for row in self._jobs.find(PLATFORM, wanted, {"_id": 1})]
        ended = {"state": JobState.CANCELLED, "finished_at": "$$NOW"}
        self._jobs.update_many(PLATFORM, {"_id": {"$in": keys}}, [{"$set": ended}])
        return keys

    def park(self, job_id: str, fence: int) -> bool:
        """Hold a job that runs; False if the lease was lost. Its claim burns no attempt."""
        held = {"state": JobState.HELD, "lease_until": None, "attempt": {"$subtract": ["$attempt", 1]}}
        return self._jobs.update_one(PLATFORM, _held(job_id, fence), [{"$set": held}])

    def counts(self) -> dict[str, int]:
        """Return how many unfinished jobs there are, by queue and state, as ``queue.state``."""
        unfinished = {"state": {"$in": [JobState.AVAILABLE, JobState.HELD, JobState.RUNNING]}}
        group = {"$group": {"_id": {"q": "$queue", "s": "$state"}, "n": {"$sum": 1}}}
        rows = self._jobs.aggregate(PLATFORM, unfinished, [group])
        return {f"{row['_id']['q']}.{row['_id']['s']}": int(row["n"]) for row in rows}


def _leased(token: str, seconds: float) -> dict[str, Any]:
    return {
        "state": JobState.RUNNING,
        "token": {"$literal": token},
        "fence": {"$add": ["$fence", 1]},
        "attempt": {"$add": ["$attempt", 1]},
        "lease_until": _in(seconds),
    }


def _held(job_id: str, fence: int) -> dict[str, Any]:
    return {"_id": job_id, "fence": fence, "state": JobState.RUNNING}
