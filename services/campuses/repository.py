"""The collections of the organisation: campuses, courses, batches, batch_course_instances."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Self, TypeVar

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
from services.freshness.shelf import Shelf, tag, tags_of_change
from services.ports import JSON, Cache
from utils.documents import Document
from utils.paging import Keyset, PageOf
from utils.scope import Scope
from utils.store import Row, Rows, ScopeRule, Store

Doc = TypeVar("Doc", bound=Document)
MOST_IDS: Final = 10_000


class PlaceRepository(Generic[Doc]):
    """Rows of one kind of place. What is ``recent`` may be a second old: to show, never to decide a write."""

    def __init__(self, name: str, kind: type[Doc], cache: Cache, rows: Rows) -> None:
        self._name, self._kind, self._cache, self._rows = name, kind, cache, rows
        self._one: Shelf[Doc] = Shelf(cache, f"{name}.one", kind)
        self._page: Shelf[PageOf[Doc]] = Shelf(cache, f"{name}.page", PageOf[kind])  # type: ignore[valid-type]
        self._ids: Shelf[list[str]] = Shelf(cache, f"{name}.ids", list[str])

    def add(self, scope: Scope, place: Doc) -> None:
        """Store a new row; DuplicateKeyError when its unique name is taken."""
        self._rows.insert(scope, place.to_mongo())
        self._changed(scope)

    def find(self, scope: Scope, row_id: str) -> Doc | None:
        """Return a row of the scope."""
        return self._maybe(self._rows.find_one(scope, {"_id": row_id}))

    def recent(self, scope: Scope, row_id: str) -> Doc | None:
        """Return a row of the scope as it was a moment ago."""
        return self._one.read(scope, self._tags(scope), [row_id], lambda: self.find(scope, row_id))

    def recent_page(self, scope: Scope, filters: Mapping[str, Any], keyset: Keyset) -> PageOf[Doc]:
        """Return a page as it was a moment ago."""

        def load() -> PageOf[Doc]:
            return keyset.page(self.list_rows(scope, filters, keyset), self.typed)

        parts: list[JSON] = [sorted(filters.items()), keyset.sort, keyset.limit, list(keyset.after or ())]
        return self._page.read(scope, self._tags(scope), parts, load) or load()

    def recent_ids(self, scope: Scope) -> list[str]:
        """Return the ids of all rows of the scope as they were a moment ago, up to ``MOST_IDS``."""

        def load() -> list[str]:
            keyset = Keyset("id", "_id", 1, MOST_IDS, None)
            return [str(row["_id"]) for row in self.list_rows(scope, {}, keyset)]

        return self._ids.read(scope, self._tags(scope), [], load) or []

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
        row = self._rows.find_and_update(scope, {"_id": row_id, "revision": revision}, change)
        self._changed(scope)
        return self._maybe(row)

    def hold(self, scope: Scope, row_id: str) -> Doc | None:
        """Note, in the open transaction, that something now depends on the row; None if it is not there."""
        return self._maybe(self._rows.find_and_update(scope, {"_id": row_id}, {"$inc": {"holds": 1}}))

    def remove(self, scope: Scope, row_id: str) -> bool:
        """Remove a row."""
        gone = self._rows.delete_one(scope, {"_id": row_id})
        self._changed(scope)
        return gone

    def count(self, scope: Scope, query: Mapping[str, Any]) -> int:
        """Return how many rows of the scope match."""
        return self._rows.count(scope, query)

    def tally(self, scope: Scope) -> dict[str, int]:
        """Return how many rows of the scope there are by campus."""
        group = {"$group": {"_id": "$campus_id", "n": {"$sum": 1}}}
        rows = self._rows.aggregate(scope, {"campus_id": {"$gte": ""}}, [group])
        return {str(row["_id"]): int(row["n"]) for row in rows}

    def tally_by_course(self, scope: Scope) -> dict[str, int]:
        """Return how many rows of the scope there are by each of the courses that they name."""
        group: Row = {"$group": {"_id": "$course_ids", "n": {"$sum": 1}}}
        pipeline: list[Row] = [{"$project": {"course_ids": 1}}, {"$unwind": "$course_ids"}, group]
        rows = self._rows.aggregate(scope, {"campus_id": {"$gte": ""}}, pipeline)
        return {str(row["_id"]): int(row["n"]) for row in rows}

    def typed(self, row: Row) -> Doc:
        """Return a row of this collection as what it is."""
        return self._kind.from_mongo(row)

    def _tags(self, scope: Scope) -> tuple[str, ...]:
        return (tag(self._name, scope),)

    def _changed(self, scope: Scope) -> None:
        """Put every reading that may hold rows of this scope out of date, with the open transaction."""
        self._cache.invalidate(*tags_of_change(self._name, scope))

    def _maybe(self, row: Row | None) -> Doc | None:
        return self.typed(row) if row else None


class InstanceRepository(PlaceRepository[BatchCourseInstance]):
    """Instances come and go with the courses of their batch."""

    def of_batch(self, scope: Scope, batch_id: str) -> list[BatchCourseInstance]:
        """Return the instances of a batch."""
        return [self.typed(row) for row in self._rows.find(scope, {"batch_id": batch_id})]

    def add_many(self, scope: Scope, instances: Sequence[BatchCourseInstance]) -> None:
        """Store new instances."""
        self._rows.insert_many(scope, [instance.to_mongo() for instance in instances])
        self._changed(scope)

    def remove_of(self, scope: Scope, batch_id: str, course_ids: Collection[str] | None = None) -> None:
        """Remove the instances of a batch: all, or those of some courses."""
        query: dict[str, Any] = {"batch_id": batch_id}
        if course_ids is not None:
            query["course_id"] = {"$in": list(course_ids)}
        self._rows.delete_many(scope, query)
        self._changed(scope)


@dataclass(frozen=True, slots=True)
class Places:
    """The repositories of the organisation."""

    campuses: PlaceRepository[Campus]
    courses: PlaceRepository[Course]
    batches: PlaceRepository[Batch]
    instances: InstanceRepository

    @classmethod
    def over(cls, store: Store, cache: Cache) -> Self:
        """Return the repositories of one database."""
        return cls(
            campuses=PlaceRepository(CAMPUSES, Campus, cache, store.rows(CAMPUSES, ScopeRule())),
            courses=PlaceRepository(COURSES, Course, cache, store.rows(COURSES, ScopeRule(course="_id"))),
            batches=PlaceRepository(
                BATCHES, Batch, cache, store.rows(BATCHES, ScopeRule(course="course_ids"))
            ),
            instances=InstanceRepository(
                INSTANCES, BatchCourseInstance, cache, store.rows(INSTANCES, ScopeRule(course="course_id"))
            ),
        )
