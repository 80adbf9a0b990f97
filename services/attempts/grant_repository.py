"""What the exam room changes in ``attempts``: the deadlines of many at once, and who may save."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.attempts.deadline import IN_TIME, OVERDUE, RECKONED
from services.attempts.documents import ATTEMPTS, Attempt, AttemptState, ClosedBy
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

NOBODY: Final = ""  # a session that no login has
SHOWN: Final = {"student_id": 1, "deadline_at": 1}


@dataclass(frozen=True, slots=True)
class Sitters:
    """Who sits a test now. Empty ``batch_ids`` and ``student_ids`` do not narrow.

    With ``in_time`` only those whose time is not over.
    """

    test_id: str
    batch_ids: tuple[str, ...] = ()
    student_ids: tuple[str, ...] = ()
    in_time: bool = False

    @property
    def query(self) -> Row:
        """The filter of their attempts."""
        query: Row = {"test_id": self.test_id, "state": AttemptState.ACTIVE}
        query |= IN_TIME if self.in_time else {}
        named = {"batch_id": self.batch_ids, "student_id": self.student_ids}
        return query | {name: {"$in": list(ids)} for name, ids in named.items() if ids}


@dataclass(frozen=True, slots=True)
class Moved:
    """An attempt whose deadline was moved."""

    attempt_id: str
    student_id: str
    deadline_at: datetime

    @classmethod
    def of(cls, row: Row) -> "Moved":
        """Read what was asked for of an attempt."""
        return cls(str(row["_id"]), str(row["student_id"]), row["deadline_at"])


class GrantRepository:
    """Attempts as the exam room changes them: never an answer, never a score.

    None of it is part of a transaction over many attempts: one that is saved to meanwhile would undo it all.
    """

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(ATTEMPTS, ScopeRule(own="student_id"))

    def grant(self, scope: Scope, sitters: Sitters, order_id: str, at: datetime, seconds: int) -> None:
        """Give so much time to those who began by ``at`` and have none of this order. Twice is as once."""
        self._give(scope, sitters, order_id, at, seconds, 0)

    def give_back(self, scope: Scope, sitters: Sitters, order_id: str, at: datetime, most: int) -> None:
        """Give what gaps have cost and was not given back yet, at most so many seconds. Twice is as once."""
        lost = {"$subtract": ["$gap_seconds", {"$ifNull": ["$compensated_seconds", 0]}]}
        seconds = {"$max": [0, {"$min": [lost, most]}]}
        self._give(scope, sitters, order_id, at, seconds, seconds)

    def _give(
        self, scope: Scope, sitters: Sitters, order_id: str, at: datetime, seconds: Any, back: Any
    ) -> None:
        query = {**sitters.query, "started_at": {"$lte": at}, "grants.order_id": {"$ne": order_id}}
        given = {"order_id": {"$literal": order_id}, "seconds": seconds}
        change = {
            "grants": {"$concatArrays": [{"$ifNull": ["$grants", []]}, [given]]},
            "granted_seconds": {"$add": ["$granted_seconds", seconds]},
            "compensated_seconds": {"$add": [{"$ifNull": ["$compensated_seconds", 0]}, back]},
        }
        self._rows.update_many(scope, query, [{"$set": change}, RECKONED])

    def given(self, scope: Scope, test_id: str, order_id: str) -> list[Moved]:
        """Return the attempts to which an order gave time."""
        wanted = {"order_id": order_id, "seconds": {"$gt": 0}}
        query = {"test_id": test_id, "grants": {"$elemMatch": wanted}}
        return [Moved.of(row) for row in self._rows.find(scope, query, SHOWN)]

    def retime(
        self, scope: Scope, test_id: str, duration_seconds: int, window_end_at: datetime | None
    ) -> list[Moved]:
        """Let a window and duration hold for those who sit a test; return whose deadline is another now."""
        times = {"duration_seconds": duration_seconds, "window_end_at": window_end_at}
        query = {
            **Sitters(test_id).query,
            "$or": [{name: {"$ne": value}} for name, value in times.items()],
        }
        rows = self._rows.find(scope, query, SHOWN)
        self._rows.update_many(scope, query, [{"$set": times}, RECKONED])
        before = {row["_id"]: row["deadline_at"] for row in rows}
        after = self._rows.find(scope, {"_id": {"$in": list(before)}}, SHOWN)
        return [Moved.of(row) for row in after if before[row["_id"]] != row["deadline_at"]]

    def free(self, scope: Scope, test_id: str, student_id: str) -> Attempt | None:
        """Let nobody hold the attempt that a student sits, so that the next login to resume it does."""
        query = Sitters(test_id, student_ids=(student_id,)).query
        row = self._rows.find_and_update(scope, query, {"$set": {"session_id": NOBODY}})
        return Attempt.from_mongo(row) if row else None

    def sitting(self, scope: Scope, sitters: Sitters, by: datetime, most: int) -> list[Attempt]:
        """Return some attempts that are being sat and had begun by then."""
        query = {**sitters.query, "started_at": {"$lte": by}}
        return [Attempt.from_mongo(row) for row in self._rows.find(scope, query, limit=most)]

    def overdue(self, scope: Scope, sitters: Sitters, most: int) -> list[Attempt]:
        """Return some attempts whose time is over and that nobody has closed yet."""
        query = {**sitters.query, **OVERDUE}
        return [Attempt.from_mongo(row) for row in self._rows.find(scope, query, limit=most)]

    def closed_since(self, scope: Scope, sitters: Sitters, since: datetime) -> int:
        """Return how many attempts the exam room has ended since then."""
        ended = {"state": AttemptState.SUBMITTED, "closed_by": ClosedBy.ROOM, "submitted_at": {"$gte": since}}
        return self._rows.count(scope, {**sitters.query, **ended})
