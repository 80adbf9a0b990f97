"""The attempts of one person, for lists: never their answers."""

from collections.abc import Mapping

from services.attempts.documents import ATTEMPTS, AttemptState
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store


class HistoryRepository:
    """Attempts as lists show them."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(ATTEMPTS, ScopeRule(course="course_ids", own="student_id"))

    def list_rows(self, scope: Scope, student_id: str, kind: str | None, keyset: Keyset) -> list[Row]:
        """Return one more closed attempt of a student than a page holds."""
        query = {"student_id": student_id, "state": AttemptState.SUBMITTED, **keyset.filter}
        query |= {"kind": kind} if kind else {}
        return self._rows.find(
            scope, query, {"answers": 0}, sort=keyset.order, limit=keyset.limit + 1, hint="of_student"
        )

    def begun(self, scope: Scope, student_id: str) -> Mapping[str, str]:
        """Return the attempts of a student that are not closed, by test."""
        query = {"student_id": student_id, "state": AttemptState.ACTIVE}
        rows = self._rows.find(scope, query, {"test_id": 1}, hint="of_student")
        return {str(row["test_id"]): str(row["_id"]) for row in rows}
