"""How everybody who has begun a test stands, read from ``attempts`` without an answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel

from services.attempts.documents import ATTEMPTS, GAP_SECONDS, AttemptState, ClosedBy
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

IDLE_SECONDS: Final = 180  # without an answer


class Standing(StrEnum):
    """Where somebody stands in an exam now. ``idle``: heard of, but without a new answer for a while."""

    NOT_STARTED = "not_started"
    ACTIVE = "active"
    IDLE = "idle"
    DISCONNECTED = "disconnected"
    SUBMITTED = "submitted"


class Stand(BaseModel):
    """How one student's latest attempt at a test stands. ``held``: a login may save to it now."""

    attempt_id: str
    student_id: str
    number: int
    standing: Standing
    answered: int
    started_at: datetime
    deadline_at: datetime
    last_seen_at: datetime
    granted_seconds: int
    gap_seconds: int
    flags: int
    held: bool
    submitted_at: datetime | None = None
    closed_by: ClosedBy | None = None


def _older(field: str, seconds: int) -> Row:
    return {"$lt": [field, {"$subtract": ["$$NOW", seconds * 1000]}]}


_ANSWERS: Final = {"$objectToArray": {"$ifNull": ["$answers", {}]}}
_ANSWERED_AT: Final = {"$max": ["$started_at", {"$max": {"$map": {"input": _ANSWERS, "in": "$$this.v.at"}}}]}
_STANDING: Final = {
    "$switch": {
        "branches": [
            {"case": {"$eq": ["$state", AttemptState.SUBMITTED]}, "then": Standing.SUBMITTED},
            {"case": _older("$last_seen_at", GAP_SECONDS), "then": Standing.DISCONNECTED},
            {"case": _older("$answered_at", IDLE_SECONDS), "then": Standing.IDLE},
        ],
        "default": Standing.ACTIVE,
    }
}
_KEPT: Final = (
    "student_id",
    "number",
    "state",
    "started_at",
    "deadline_at",
    "last_seen_at",
    "granted_seconds",
    "gap_seconds",
    "flags",
    "submitted_at",
    "closed_by",
)
# The latest attempt of each student, in the order of the index that keeps attempts unique
_LATEST: Final[Sequence[Mapping[str, Any]]] = (
    {"$sort": {"test_id": 1, "student_id": 1, "number": 1}},
    {
        "$project": {
            **dict.fromkeys(_KEPT, 1),
            "answered": {"$size": _ANSWERS},
            "answered_at": _ANSWERED_AT,
            "held": {"$ne": ["$session_id", ""]},
        }
    },
    {"$group": {"_id": "$student_id", "latest": {"$last": "$$ROOT"}}},
    {"$replaceWith": "$latest"},
    {"$set": {"standing": _STANDING, "attempt_id": "$_id"}},
)


class StandingRepository:
    """How attempts stand, by mongod's clock."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(ATTEMPTS, ScopeRule(own="student_id"))

    def of_students(self, scope: Scope, test_id: str, student_ids: Sequence[str]) -> dict[str, Stand]:
        """Return how these students stand who have begun, by their id."""
        query = {"test_id": test_id, "student_id": {"$in": list(student_ids)}}
        rows = self._rows.aggregate(scope, query, _LATEST, hint="once")
        return {str(row["student_id"]): Stand.model_validate(row) for row in rows}

    def everybody(self, scope: Scope, test_id: str) -> dict[str, Standing]:
        """Return where each student stands who has begun, by their id."""
        pipeline = [*_LATEST, {"$project": {"student_id": 1, "standing": 1}}]
        rows = self._rows.aggregate(scope, {"test_id": test_id}, pipeline, hint="once")
        return {str(row["student_id"]): Standing(row["standing"]) for row in rows}
