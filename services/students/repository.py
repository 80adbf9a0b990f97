"""The ``students`` collection, and the budget of what may be told about students of other campuses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from services.students.documents import STUDENTS, TAKEN_BUDGET, Student
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import PLATFORM, Row, ScopeRule, Store


class StudentRepository:
    """Students: every read and write names its scope."""

    def __init__(self, store: Store) -> None:
        self._rows = store.rows(STUDENTS, ScopeRule(course="course_ids", own="_id"))

    def add_many(self, scope: Scope, students: Sequence[Student]) -> None:
        """Store new students."""
        self._rows.insert_many(scope, [student.to_mongo() for student in students])

    def find(self, scope: Scope, student_id: str) -> Student | None:
        """Return a student of the scope."""
        row = self._rows.find_one(scope, {"_id": student_id})
        return Student.from_mongo(row) if row else None

    def find_many(self, scope: Scope, student_ids: Sequence[str]) -> list[Student]:
        """Return those of these students who lie in the scope, in the order of their ids."""
        query = {"_id": {"$in": list(student_ids)}}
        return [Student.from_mongo(row) for row in self._rows.find(scope, query, sort=[("_id", 1)])]

    def list_rows(self, scope: Scope, filters: Mapping[str, Any], keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {"$and": [dict(filters), keyset.filter]}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def ids_in_batch(self, scope: Scope, batch_id: str) -> list[str]:
        """Return the ids of a batch's students, in order."""
        rows = self._rows.find(scope, {"batch_id": batch_id}, {"_id": 1})
        return sorted(str(row["_id"]) for row in rows)

    def change(
        self, scope: Scope, student_id: str, fields: Mapping[str, Any], revision: int | None
    ) -> Student | None:
        """Set fields of a student who is still at ``revision`` (any, if None); None if they are not."""
        query = {"_id": student_id} | ({"revision": revision} if revision is not None else {})
        row = self._rows.find_and_update(scope, query, {"$set": dict(fields), "$inc": {"revision": 1}})
        return Student.from_mongo(row) if row else None

    def change_each(self, scope: Scope, changes: Sequence[tuple[Student, Mapping[str, Any]]]) -> int:
        """Set fields of students who are still as they were read; return how many were."""
        return self._rows.update_each(
            scope,
            [
                (
                    {"_id": student.id, "revision": student.revision},
                    {"$set": dict(fields), "$inc": {"revision": 1}},
                )
                for student, fields in changes
            ],
        )

    def remove(self, scope: Scope, student_id: str) -> bool:
        """Remove a student."""
        return self._rows.delete_one(scope, {"_id": student_id})

    def count(self, scope: Scope, query: Mapping[str, Any]) -> int:
        """Return how many students of the scope match."""
        return self._rows.count(scope, query)


class TakenBudget:
    """How often a campus was told, within this hour, that somebody elsewhere has a roll number or mobile."""

    def __init__(self, store: Store) -> None:
        self._hours = store.system(TAKEN_BUDGET)

    def spend(self, campus_id: str, hour: str, rows: int, most: int, expires_at: datetime) -> bool:
        """Count ``rows`` more; False, and nothing counted, if that were more than ``most``."""
        wanted = {"_id": f"{campus_id}:{hour}", "rows": {"$lte": most - rows}}
        change = {"$inc": {"rows": rows}, "$setOnInsert": {"expires_at": expires_at}}
        if rows > most:
            return False
        try:
            return self._hours.update_one(PLATFORM, wanted, change, upsert=True)
        except DuplicateKeyError:
            return False
