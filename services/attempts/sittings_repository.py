"""How far a student is with tests, for the lists of their exams: no answer, no score."""

from collections.abc import Mapping, Sequence

from services.assessments.exams import Sitting
from services.attempts.documents import ATTEMPTS, AttemptState
from services.students.documents import Student
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

SHOWN: Row = {"test_id": 1, "state": 1, "deadline_at": 1, "submitted_at": 1}


class SittingsRepository:
    """Answers Sittings for the tests."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(ATTEMPTS, ScopeRule(course="course_ids", own="student_id"))

    def of(self, student: Student, test_ids: Sequence[str]) -> Mapping[str, Sitting]:
        """Return how far a student is with these tests, those not begun left out."""
        scope = Scope.own(student.id, student.campus_id)
        found: dict[str, list[Row]] = {}
        for row in self._rows.find(scope, {"test_id": {"$in": list(test_ids)}}, SHOWN) if test_ids else ():
            found.setdefault(str(row["test_id"]), []).append(row)
        return {test_id: _sitting(rows) for test_id, rows in found.items()}

    def begun(self, campus_id: str, test_id: str, student_ids: Sequence[str]) -> set[str]:
        """Return those of these students who have begun a test."""
        query = {"test_id": test_id, "student_id": {"$in": list(student_ids)}}
        rows = self._rows.find(Scope.campus(campus_id), query, {"student_id": 1}) if student_ids else []
        return {str(row["student_id"]) for row in rows}

    def running(self, campus_id: str, test_id: str) -> bool:
        """Tell whether somebody sits a test."""
        query = {"test_id": test_id, "state": AttemptState.ACTIVE}
        return bool(self._rows.count(Scope.campus(campus_id), query, limit=1))


def _sitting(rows: Sequence[Row]) -> Sitting:
    active = next((row for row in rows if row["state"] == AttemptState.ACTIVE), None)
    ended = [row["submitted_at"] for row in rows if row.get("submitted_at") is not None]
    return Sitting(
        begun=len(rows),
        attempt_id=str(active["_id"]) if active else None,
        deadline=active["deadline_at"] if active else None,
        submitted_at=max(ended, default=None),
    )
