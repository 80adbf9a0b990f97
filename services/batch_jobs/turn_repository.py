"""What a batch job waits for: its sub-batches' turns, and what is shown of it."""

from datetime import UTC, datetime
from typing import Any, Final

from services.batch_jobs.documents import BATCH_JOBS, GOING, SubBatch
from services.ports import Channel
from utils.scope import Scope
from utils.store import Store

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TurnRepository:
    """Fields of a job's own document, each change one conditional update by MongoDB's clock."""

    def __init__(self, store: Store) -> None:
        self._jobs = store.rows(BATCH_JOBS)

    def take_turn(self, scope: Scope, sub_batch: SubBatch, interval_seconds: float) -> float:
        """Return 0 if it is this sub-batch's turn, else the seconds after which somebody's may be.

        Whose turn it is keeps it until another one takes the next, at least ``interval_seconds`` later.
        """
        turn = f"turns.{sub_batch.channel}"
        at = {"$ifNull": [f"${turn}.at", LONG_AGO]}
        mine = {"$eq": [f"${turn}.sub_batch", sub_batch.id]}
        age = {"$subtract": ["$$NOW", at]}
        due = {"$gte": [age, int(interval_seconds * 1000)]}
        taken = {"at": "$$NOW", "sub_batch": sub_batch.id, "age": 0}
        kept = {"at": at, "sub_batch": f"${turn}.sub_batch", "age": age}
        change = {"$cond": [{"$and": [due, {"$not": mine}]}, taken, kept]}
        row = self._jobs.find_and_update(scope, {"_id": sub_batch.job_id}, [{"$set": {turn: change}}])
        if row is None:
            return 0.0
        found: dict[str, Any] = row["turns"][sub_batch.channel]
        ours = found["sub_batch"] == sub_batch.id
        return 0.0 if ours else max(0.1, interval_seconds - float(found["age"]) / 1000)

    def note_waiting(self, scope: Scope, job_id: str, channel: Channel, reason: str, seconds: float) -> None:
        """Keep for people why messages of a job wait, and for how long."""
        until = {"$add": ["$$NOW", int(seconds * 1000)]}
        change = {f"waiting.{channel}": {"reason": {"$literal": reason}, "until": until}}
        self._jobs.update_one(scope, {"_id": job_id, "state": {"$in": GOING}}, [{"$set": change}])
