"""What practice has brought students so far. It reads scored practice only, and never an exam."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from services.results.documents import TEST_RESULTS, ResultState
from utils.decimals import from_stored
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

FIELDS: Final = ("student_id", "test_id", "module", "topic", "level")
PRACTICE: Final = "practice"


class PracticeFigure(NamedTuple):
    """A student's attempts at one practice test, at one place of the ladder. ``best`` is out of ``most``."""

    student_id: str
    test_id: str
    module: str | None
    topic: str | None
    level: str | None
    attempts: int
    best: Decimal
    most: Decimal
    last_at: datetime


class ProgressRepository:
    """Adds up the results of practice."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(TEST_RESULTS, ScopeRule(course="course_ids", own="student_id"))

    def practice(self, scope: Scope, student_ids: Sequence[str]) -> list[PracticeFigure]:
        """Return what these students have reached, by test."""
        query = {"student_id": {"$in": list(student_ids)}, "kind": PRACTICE, "state": ResultState.SCORED}
        group: Row = {
            "_id": {name: {"$ifNull": [f"${name}", None]} for name in FIELDS} | {"most": "$max_score"},
            "attempts": {"$sum": 1},
            "best": {"$max": "$score"},
            "last_at": {"$max": "$submitted_at"},
        }
        rows = self._rows.aggregate(scope, query, [{"$group": group}], hint="of_student")
        return [PracticeFigure(**from_stored({**row.pop("_id"), **row})) for row in rows]
