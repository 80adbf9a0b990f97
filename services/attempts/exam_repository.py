"""What sitting reads of tests: a published test with the database's time, and its paper."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.assessments.documents import TEST_PAPERS, TESTS, Assessment, AssessmentPaper, AssessmentState
from services.students.documents import Student
from utils.scope import Scope
from utils.store import Row, Store

_WITH_NOW: Final[Row] = {"$set": {"now": "$$NOW"}}


@dataclass(frozen=True, slots=True)
class Seen:
    test: Assessment
    now: datetime


class ExamRepository:
    def __init__(self, store: Store) -> None:
        self._tests = store.rows(TESTS)
        self._papers = store.rows(TEST_PAPERS)

    def find(self, scope: Scope, test_id: str) -> Seen | None:
        """Return a test."""
        return self._seen(scope, {"_id": test_id})

    def taken_by(self, student: Student, test_id: str) -> Seen | None:
        """Return a published test whose audience holds a student, whatever its window."""
        query = {
            "_id": test_id,
            "state": AssessmentState.PUBLISHED,
            "course_ids": {"$in": [[], *student.course_ids]},
            "batch_ids": {"$in": [[], student.batch_id]},
            "student_ids": {"$in": [[], student.id]},
        }
        return self._seen(Scope.campus(student.campus_id), query)

    def _seen(self, scope: Scope, query: Row) -> Seen | None:
        rows = self._tests.aggregate(scope, query, [_WITH_NOW])
        return Seen(Assessment.from_mongo(rows[0]), rows[0]["now"]) if rows else None

    def of(self, campus_id: str, test_id: str) -> AssessmentPaper | None:
        """Return the paper of a test."""
        row = self._papers.find_one(Scope.campus(campus_id), {"_id": test_id})
        return AssessmentPaper.from_mongo(row) if row else None
