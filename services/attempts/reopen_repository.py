"""Attempts that their deadline has closed while nothing was heard of whoever sat: found, and opened again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.attempts.deadline import RECKONED
from services.attempts.documents import ATTEMPTS, GAP_SECONDS, Attempt, AttemptState, ClosedBy
from services.attempts.grant_repository import Sitters
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

OPENED_AGAIN: Final = timedelta(hours=24)  # after its deadline at most
_SILENT_MS: Final = {"$subtract": ["$deadline_at", "$last_seen_at"]}
_SILENCE: Final = {"$toInt": {"$floor": {"$divide": [_SILENT_MS, 1000]}}}
_BACK: Final = {"$ifNull": ["$compensated_seconds", 0]}
_LOST: Final = {"$subtract": [{"$add": ["$gap_seconds", _SILENCE]}, _BACK]}
_SINCE: Final = {"$toInt": {"$ceil": {"$divide": [{"$subtract": ["$$NOW", "$deadline_at"]}, 1000]}}}


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order of ``at`` gives: ``seconds``, or without them what was lost, at most ``most_seconds``."""

    order_id: str
    at: datetime
    seconds: int | None
    most_seconds: int

    @property
    def given(self) -> Any:
        """What one attempt gets, as an expression over it."""
        return self.seconds if self.seconds is not None else {"$min": [_LOST, self.most_seconds]}


class ReopenRepository:
    """Closed attempts as an order of the exam room may open them again: never an answer, never a score."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(ATTEMPTS, ScopeRule(own="student_id"))

    def cut_off(self, scope: Scope, sitters: Sitters, terms: Terms) -> list[str]:
        """Return the attempts that an order may open again and has not yet."""
        rows = self._rows.find(scope, _cut_off(sitters, terms), {"_id": 1})
        return [str(row["_id"]) for row in rows]

    def is_last(self, scope: Scope, attempt_id: str) -> bool:
        """Tell whether its student has begun no attempt at the test after it."""
        row = self._rows.find_one(scope, {"_id": attempt_id}, {"test_id": 1, "student_id": 1, "number": 1})
        if row is None:
            return False
        after = {"test_id": row["test_id"], "student_id": row["student_id"], "number": row["number"] + 1}
        return self._rows.find_one(scope, after, {"_id": 1}) is None

    def reopen(self, scope: Scope, sitters: Sitters, terms: Terms, attempt_id: str) -> Attempt | None:
        """Open an attempt again, with its time given from now on; None where it may not be any more."""
        query = {"_id": attempt_id, **_cut_off(sitters, terms)}
        seconds = {"$add": [terms.given, _SINCE]}
        grant = {"order_id": {"$literal": terms.order_id}, "seconds": seconds}
        change = {
            "state": AttemptState.ACTIVE,
            "closed_by": None,
            "submitted_at": None,
            "last_seen_at": "$$NOW",
            "gap_seconds": {"$add": ["$gap_seconds", _SILENCE]},
            "grants": {"$concatArrays": [{"$ifNull": ["$grants", []]}, [grant]]},
            "granted_seconds": {"$add": ["$granted_seconds", seconds]},
            "compensated_seconds": {"$add": [_BACK, terms.given if terms.seconds is None else 0]},
        }
        stages: list[Row] = [{"$set": change}, RECKONED, {"$unset": "closing"}]
        row = self._rows.find_and_update(scope, query, stages)
        return Attempt.from_mongo(row) if row else None


def _cut_off(sitters: Sitters, terms: Terms) -> Row:
    silent = {"$gte": [_SILENT_MS, GAP_SECONDS * 1000]}
    return {
        **sitters.query,
        "state": AttemptState.SUBMITTED,
        "closed_by": ClosedBy.DEADLINE,
        "started_at": {"$lte": terms.at},
        "deadline_at": {"$gte": terms.at - OPENED_AGAIN},
        "grants.order_id": {"$ne": terms.order_id},
        "$expr": {"$and": [silent, {"$gt": [terms.given, 0]}]},
    }
