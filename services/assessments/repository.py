"""The collections ``tests`` and ``test_papers``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.assessments.documents import (
    TEST_PAPERS,
    TESTS,
    Assessment,
    AssessmentKind,
    AssessmentPaper,
    AssessmentState,
)
from services.students.documents import Student
from utils.decimals import to_stored
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, ScopeRule, Store

OF_COURSES: Final = ScopeRule(course="course_ids")
WITH_NOW: Final[Row] = {"$set": {"now": "$$NOW"}}
NOT_OVER: Final[Row] = {"$expr": {"$gt": ["$window_end_at", "$$NOW"]}}
OVER: Final[Row] = {"$expr": {"$lte": [{"$ifNull": ["$window_end_at", "$$NOW"]}, "$$NOW"]}}
LEAN: Final[Row] = {"$unset": ["sections", "blueprint"]}  # what lists do without
MOST_EXAMS: Final = 100
MOST_PRACTICE: Final = 2000
COUNTED: Final[Row] = {
    "$set": {"questions": {"$sum": {"$map": {"input": "$blueprint", "in": {"$size": "$$this.slots"}}}}}
}
REMINDED: Final = Scope.unscoped("reminders that fall due, of every campus")


@dataclass(frozen=True, slots=True)
class Seen:
    """A test, and the time of the database when it was read: the clock that decides what is open.

    ``questions``: how many it has, where it was read without them.
    """

    test: Assessment
    now: datetime
    questions: int = 0

    @classmethod
    def of(cls, row: Row) -> "Seen":
        """Read a row with its time."""
        return cls(Assessment.from_mongo(row), row["now"], row.get("questions", 0))


class AssessmentRepository:
    """Tests. A course admin sees those that name one of their courses."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(TESTS, OF_COURSES)

    def add(self, scope: Scope, test: Assessment) -> None:
        """Store a new test."""
        self._rows.insert(scope, test.to_mongo())

    def find(self, scope: Scope, test_id: str) -> Seen | None:
        """Return a test of the scope."""
        rows = self._rows.aggregate(scope, {"_id": test_id}, [WITH_NOW])
        return Seen.of(rows[0]) if rows else None

    def list_rows(self, scope: Scope, wanted: Mapping[str, Any], keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds, each with the time."""
        order = dict(keyset.order)
        stages: list[Row] = [{"$sort": order}, {"$limit": keyset.limit + 1}, WITH_NOW]
        index = "of_course" if scope.course_ids is not None else "of_campus"
        hint = index if scope.campus_id is not None else "_id_"
        if scope.course_ids is not None and len(scope.course_ids) > 1:
            hint = "of_campus"  # the entries of several courses are in no order together
        return self._rows.aggregate(scope, {**wanted, **keyset.filter}, stages, hint=hint)

    def change(
        self, scope: Scope, test: Assessment, fields: Mapping[str, Any], only: Mapping[str, Any] = {}
    ) -> bool:
        """Set fields of a test that is still as it was read, and as ``only`` says; tell whether it was.

        ``"$$NOW"`` as a value is the time of the database.
        """
        stored = {name: _literal(value) for name, value in fields.items()}
        grown = {"updated_at": "$$NOW", "revision": {"$add": ["$revision", 1]}}
        query = {"_id": test.id, "revision": test.revision, **only}
        return self._rows.update_one(scope, query, [{"$set": stored | grown}])

    def remove_draft(self, scope: Scope, test: Assessment) -> bool:
        """Remove a draft that is still as it was read; tell whether it was."""
        query = {"_id": test.id, "revision": test.revision, "state": AssessmentState.DRAFT}
        return self._rows.delete_one(scope, query)

    def count(self, scope: Scope, query: Mapping[str, Any], limit: int) -> int:
        """Return how many tests of the scope match, counted up to ``limit``."""
        return self._rows.count(scope, {"campus_id": scope.campus_id, **query}, limit)

    def taken_by(self, student: Student, test_id: str) -> Seen | None:
        """Return a published test whose audience holds a student, whatever its window."""
        query = {"_id": test_id, "state": AssessmentState.PUBLISHED, **audience_with(student)}
        rows = self._rows.aggregate(_campus_of(student), query, [WITH_NOW])
        return Seen.of(rows[0]) if rows else None

    def exams_of(self, student: Student, since: datetime, until: datetime) -> list[Seen]:
        """Return a student's published online tests by the end of their window.

        Of those that ended from ``since`` to ``until`` the newest, of the later ones the next.
        """
        past = self._exams(student, {"$gt": since, "$lte": until}, -1)
        return [*reversed(past), *self._exams(student, {"$gt": until}, 1)]

    def _exams(self, student: Student, ends: Row, direction: int) -> list[Seen]:
        query = {
            "state": AssessmentState.PUBLISHED,
            "kind": AssessmentKind.ONLINE,
            "window_end_at": ends,
            **audience_with(student),
        }
        order = {"window_end_at": direction, "_id": direction}
        stages: list[Row] = [{"$sort": order}, {"$limit": MOST_EXAMS}, LEAN, WITH_NOW]
        rows = self._rows.aggregate(_campus_of(student), query, stages, hint="for_takers")
        return [Seen.of(row) for row in rows]

    def practice_of(self, student: Student) -> list[Seen]:
        """Return the published practice tests of a student, without what they ask, at most 2000."""
        query = {
            "state": AssessmentState.PUBLISHED,
            "kind": AssessmentKind.PRACTICE,
            **audience_with(student),
        }
        order = {"window_end_at": 1, "_id": 1}
        stages: list[Row] = [{"$sort": order}, {"$limit": MOST_PRACTICE}, COUNTED, LEAN, WITH_NOW]
        rows = self._rows.aggregate(_campus_of(student), query, stages, hint="for_takers")
        return [Seen.of(row) for row in rows]

    def named(self, scope: Scope, test_ids: Collection[str]) -> dict[str, Assessment]:
        """Return these tests of a campus by id, without what they ask."""
        left_out = {"sections": 0, "blueprint": 0}
        rows = self._rows.find(scope, {"_id": {"$in": sorted(test_ids)}}, left_out)
        return {str(row["_id"]): Assessment.from_mongo(row) for row in rows}

    def reminders_due(self, limit: int) -> list[Assessment]:
        """Return published tests of which a reminder is due, without what they ask; longest due first."""
        query = {
            "state": AssessmentState.PUBLISHED,
            "next_reminder_at": {"$type": "date"},
            "$expr": {"$lte": ["$next_reminder_at", "$$NOW"]},
        }
        stages: list[Row] = [{"$sort": {"next_reminder_at": 1}}, {"$limit": limit}, LEAN]
        rows = self._rows.aggregate(REMINDED, query, stages, hint="reminders")
        return [Assessment.from_mongo(row) for row in rows]

    def reminded(self, scope: Scope, test: Assessment, next_at: datetime | None) -> None:
        """Note when a test's next reminder is due; of those who read it in a transaction one may."""
        query = {"_id": test.id, "next_reminder_at": test.next_reminder_at}
        self._rows.update_one(scope, query, {"$set": {"next_reminder_at": next_at}})


class PaperRepository:
    """What students see of published tests. Rows are only ever added."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(TEST_PAPERS, OF_COURSES)

    def add(self, scope: Scope, paper: AssessmentPaper) -> None:
        """Store the paper of a test that is being published."""
        self._rows.insert(scope, paper.to_mongo())

    def find(self, scope: Scope, test_id: str) -> AssessmentPaper | None:
        """Return the paper of a test."""
        row = self._rows.find_one(scope, {"_id": test_id})
        return AssessmentPaper.from_mongo(row) if row else None


def audience_with(student: Student) -> Row:
    """Return the filter of tests whose audience holds a student: what names nobody does not narrow."""
    return {
        "course_ids": {"$in": [[], *student.course_ids]},
        "batch_ids": {"$in": [[], student.batch_id]},
        "student_ids": {"$in": [[], student.id]},
    }


def _campus_of(student: Student) -> Scope:
    return Scope.campus(student.campus_id)


def _literal(value: Any) -> Any:
    return value if value == "$$NOW" else {"$literal": to_stored(value)}
