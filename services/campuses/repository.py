"""The collections of the organisation: campuses, courses, batches, batch_course_instances."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from services.campuses.documents import (
    BATCHES,
    CAMPUSES,
    COURSES,
    INSTANCES,
    Batch,
    BatchCourseInstance,
    Campus,
    Course,
)
from utils.documents import Document
from utils.paging import Keyset
from utils.scope import Scope
from utils.store import Row, Rows, ScopeRule, Store

Doc = TypeVar("Doc", bound=Document)


class PlaceRepository(Generic[Doc]):
    """Rows of one kind of place."""

    def __init__(self, rows: Rows, kind: type[Doc]) -> None:
        self._rows, self._kind = rows, kind

    def add(self, scope: Scope, place: Doc) -> None:
        """Store a new row; DuplicateKeyError when its unique name is taken."""
        self._rows.insert(scope, place.to_mongo())

    def find(self, scope: Scope, row_id: str) -> Doc | None:
        """Return a row of the scope."""
        return self._maybe(self._rows.find_one(scope, {"_id": row_id}))

    def find_many(self, scope: Scope, row_ids: Sequence[str]) -> list[Doc]:
        """Return those of these rows that lie in the scope."""
        return [self.typed(row) for row in self._rows.find(scope, {"_id": {"$in": list(row_ids)}})]

    def list_rows(self, scope: Scope, filters: Mapping[str, Any], keyset: Keyset) -> list[Row]:
        """Return one more row than a page holds."""
        query = {**filters, **keyset.filter}
        return self._rows.find(scope, query, sort=keyset.order, limit=keyset.limit + 1)

    def change(self, scope: Scope, row_id: str, revision: int, fields: Mapping[str, Any]) -> Doc | None:
        """Set fields of a row that is still at ``revision`` and return it; None if it is not."""
        change = {"$set": dict(fields), "$inc": {"revision": 1}}
        return self._maybe(self._rows.find_and_update(scope, {"_id": row_id, "revision": revision}, change))

    def hold(self, scope: Scope, row_id: str) -> Doc | None:
        """Note, in the open transaction, that something now depends on the row; None if it is not there."""
        return self._maybe(self._rows.find_and_update(scope, {"_id": row_id}, {"$inc": {"holds": 1}}))

    def remove(self, scope: Scope, row_id: str) -> bool:
        """Remove a row."""
        return self._rows.delete_one(scope, {"_id": row_id})

    def count(self, scope: Scope, query: Mapping[str, Any]) -> int:
        """Return how many rows of the scope match."""
        return self._rows.count(scope, query)

    def typed(self, row: Row) -> Doc:
        """Return a row of this collection as what it is."""
        return self._kind.from_mongo(row)

    def _maybe(self, row: Row | None) -> Doc | None:
        return self.typed(row) if row else None


class InstanceRepository(PlaceRepository[BatchCourseInstance]):
    """Instances come and go with the courses of their batch."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows, BatchCourseInstance)

    def of_batch(self, scope: Scope, batch_id: str) -> list[BatchCourseInstance]:
        """Return the instances of a batch."""
        return [self.typed(row) for row in self._rows.find(scope, {"batch_id": batch_id})]

    def add_many(self, scope: Scope, instances: Sequence[BatchCourseInstance]) -> None:
        """Store new instances."""
        self._rows.insert_many(scope, [instance.to_mongo() for instance in instances])

    def remove_of(self, scope: Scope, batch_id: str, course_ids: Collection[str] | None = None) -> None:
        """Remove the instances of a batch: all, or those of some courses."""
        query: dict[str, Any] = {"batch_id": batch_id}
        if course_ids is not None:
            query["course_id"] = {"$in": list(course_ids)}
        self._rows.delete_many(scope, query)


@dataclass(frozen=True, slots=True)
class Places:
    """The repositories of the organisation."""

    campuses: PlaceRepository[Campus]
    courses: PlaceRepository[Course]
    batches: PlaceRepository[Batch]
    instances: InstanceRepository

    @classmethod
    def over(cls, store: Store) -> Self:
        """Return the repositories of one database."""
        return cls(
            campuses=PlaceRepository(store.rows(CAMPUSES, ScopeRule()), Campus),
            courses=PlaceRepository(store.rows(COURSES, ScopeRule(course="_id")), Course),
            batches=PlaceRepository(store.rows(BATCHES, ScopeRule(course="course_ids")), Batch),
            instances=InstanceRepository(store.rows(INSTANCES, ScopeRule(course="course_id"))),
        )
