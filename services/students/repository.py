"""The ``students`` collection, and the budget of what may be told about students of other campuses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from services.students.documents import STUDENTS, TAKEN_BUDGET, Student, StudentStatus
from services.students.groups import GROUP_INDEX, StudentGroup
from services.students.listing import BY_NAME, FEW, NAME, StudentFilter, beyond, in_order
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

    def hold(self, scope: Scope, student_id: str) -> Student | None:
        """Return a student as they are, and let nobody change or remove them until the transaction ends."""
        row = self._rows.find_and_update(scope, {"_id": student_id}, {"$inc": {"holds": 1}})
        return Student.from_mongo(row) if row else None

    def find_many(self, scope: Scope, student_ids: Sequence[str]) -> list[Student]:
        """Return those of these students who lie in the scope, in the order of their ids."""
        query = {"_id": {"$in": list(student_ids)}}
        return [Student.from_mongo(row) for row in self._rows.find(scope, query, sort=[("_id", 1)])]

    def list_rows(self, scope: Scope, wanted: StudentFilter, keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds. ``scope`` names the campus if ``wanted`` names a batch.

        What a search finds comes by name. For another order the few are read whole and ordered here; where
        there are many, the next ones are soon met on the way along that order.
        """
        if not wanted.by_terms:
            return self._walk(scope, wanted, keyset, wanted.index(scope, keyset.field))
        if keyset.field == NAME:
            found = self._by_term(scope, wanted, beyond(keyset), keyset.order, keyset.limit + 1)
            return in_order(found, keyset)
        few = self._by_term(scope, wanted, {}, BY_NAME, FEW + 1)
        if len(few) <= FEW:
            return in_order(few, keyset)
        return self._walk(scope, wanted, keyset, wanted.index(scope, keyset.field))

    def _by_term(
        self, scope: Scope, wanted: StudentFilter, more: Row, order: Sequence[tuple[str, int]], limit: int
    ) -> list[Row]:
        found: list[Row] = []
        for some in wanted.by_campus(scope):
            query = {"$and": [wanted.query, some, more]}
            found += self._rows.find(scope, query, sort=order, limit=limit, hint=wanted.term_index)
        return found

    def _walk(self, scope: Scope, wanted: StudentFilter, keyset: Keyset, index: str) -> list[Row]:
        query = {"$and": [wanted.query, beyond(keyset)]}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1, hint=index)

    def ids_in_batch(self, scope: Scope, batch_id: str) -> list[str]:
        """Return the ids of a batch's active students, in order."""
        query = {"batch_id": batch_id, "status": StudentStatus.ACTIVE}
        rows = self._rows.find(scope, query, {"_id": 1})
        return sorted(str(row["_id"]) for row in rows)

    def group_rows(self, scope: Scope, group: StudentGroup, keyset: Keyset) -> list[Row]:
        """Return one more row of a group, by name, than a page holds. ``scope`` names the campus."""
        query, limit = group.after(keyset), keyset.limit + 1
        return self._rows.find(scope, query, sort=keyset.order, limit=limit, hint=GROUP_INDEX)

    def count_group(self, scope: Scope, group: StudentGroup) -> int:
        """Return how many students of the scope, which names the campus, are in a group."""
        return self._rows.count(scope, group.query)

    def group_ids(self, scope: Scope, group: StudentGroup) -> list[str]:
        """Return the ids of a group's students, in order."""
        return sorted(str(row["_id"]) for row in self._rows.find(scope, group.query, {"_id": 1}))

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

    def remove_many(self, scope: Scope, student_ids: Sequence[str]) -> None:
        """Remove those of these students who lie in the scope."""
        self._rows.delete_many(scope, {"_id": {"$in": list(student_ids)}})

    def ids_of(self, scope: Scope) -> list[str]:
        """Return the ids of all students of the scope, in one answer."""
        whole = {"$group": {"_id": None, "ids": {"$addToSet": "$_id"}}}
        rows = self._rows.aggregate(scope, {"campus_id": {"$gte": ""}}, [whole])
        return [str(student_id) for row in rows for student_id in row["ids"]]

    def tally_by_course(self, scope: Scope) -> dict[str, int]:
        """Return how many students of the scope each of their courses has."""
        group: Row = {"$group": {"_id": "$course_ids", "n": {"$sum": 1}}}
        pipeline: list[Row] = [{"$project": {"course_ids": 1}}, {"$unwind": "$course_ids"}, group]
        rows = self._rows.aggregate(scope, {"campus_id": {"$gte": ""}}, pipeline)
        return {str(row["_id"]): int(row["n"]) for row in rows}

    def count(self, scope: Scope, query: Mapping[str, Any]) -> int:
        """Return how many students of the scope match."""
        return self._rows.count(scope, query)


class TakenBudget:
    """How often a campus was told, within this hour, that somebody elsewhere has a roll number or mobile."""

    def __init__(self, store: Store) -> None:
        self._hours = store.system(TAKEN_BUDGET)

    def spend(self, campus_id: str, hour: str, rows: int, most: int, expires_at: datetime) -> bool:
        """Count ``rows`` more; False, and nothing counted, if that were more than ``most``."""
        wanted = {"_id": _hour_of(campus_id, hour), "rows": {"$lte": most - rows}}
        change = {"$inc": {"rows": rows}, "$setOnInsert": {"expires_at": expires_at}}
        if rows > most:
            return False
        try:
            return self._hours.update_one(PLATFORM, wanted, change, upsert=True)
        except DuplicateKeyError:  # the hour has begun already, perhaps at this very moment
            return self._hours.update_one(PLATFORM, wanted, change)

    def left(self, campus_id: str, hour: str, most: int) -> int:
        """Return how many more may be told."""
        row = self._hours.find_one(PLATFORM, {"_id": _hour_of(campus_id, hour)})
        return most - int(row["rows"]) if row else most


def _hour_of(campus_id: str, hour: str) -> str:
    return f"{campus_id}:{hour}"
