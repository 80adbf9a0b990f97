"""Batches, and the instances that come and go with their courses."""

from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

from pymongo.errors import DuplicateKeyError

from models import Actor
from services.campuses.documents import Batch, BatchCourseInstance
from services.campuses.problems import AlreadyInUse, BatchNotFound, InstanceNotFound, NotOnlyYours
from services.campuses.schemas import (
    BatchCreate,
    BatchOut,
    BatchUpdate,
    InstanceOut,
    InstanceQuery,
    PlaceQuery,
)
from services.campuses.service import BY_NAME, NO_CAMPUS, Ground, with_keys
from utils.paging import Keyset, PageOf
from utils.problems import Invalid, Stale
from utils.scope import Scope
from utils.text import key_of

T = TypeVar("T")
NO_COURSE: Final = "names a course that is not one of yours at this campus"


class BatchService:
    """Makes, shows, changes and removes batches."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._places = ground, ground.places

    def create(self, wanted: BatchCreate, actor: Actor) -> BatchOut:
        """Store a new batch with an instance for each of its courses."""
        now = self._ground.clock.now()
        batch = Batch(
            campus_id=wanted.campus_id,
            name=wanted.name,
            name_key=key_of(wanted.name),
            course_ids=tuple(dict.fromkeys(wanted.course_ids)),
            created_at=now,
            updated_at=now,
        )

        def work() -> None:
            whole = Scope(actor.scope.label, actor.scope.campus_id)
            if self._places.campuses.hold(whole, wanted.campus_id) is None:
                raise Invalid.field("campus_id", NO_CAMPUS)
            self._take(batch.course_ids, batch, actor)
            self._places.batches.add(actor.scope, batch)
            self._ground.record("batch.created", actor, batch.campus_id, f"batch:{batch.id}")

        self._unique(work)
        return BatchOut.of(batch, actor.scope.course_ids)

    def get(self, batch_id: str, actor: Actor) -> BatchOut:
        """Return a batch; one that the actor may not see does not exist."""
        return BatchOut.of(self._found(batch_id, actor), actor.scope.course_ids)

    def list_batches(self, query: PlaceQuery, actor: Actor) -> PageOf[BatchOut]:
        """Return a page of batches."""
        keyset = Keyset.of(query, BY_NAME, "name")
        filters = {"campus_id": query.campus_id} if query.campus_id else {}
        rows = self._places.batches.list_rows(actor.scope, filters, keyset)
        return keyset.page(rows, lambda row: BatchOut.of(Batch.from_mongo(row), actor.scope.course_ids))

    def change(self, batch_id: str, wanted: BatchUpdate, revision: int | None, actor: Actor) -> BatchOut:
        """Change a batch that nobody else changed meanwhile; courses of others stay as they are."""

        def work() -> Batch:
            batch = self._found(batch_id, actor)
            fields = with_keys(wanted.fields()) | {"updated_at": self._ground.clock.now()}
            if wanted.course_ids is not None:
                fields["course_ids"] = self._swap(batch, wanted.course_ids, actor)
            changed = self._places.batches.change(actor.scope, batch_id, fields, revision)
            if changed is None:
                raise Stale()
            self._record("batch.changed", batch, actor, fields=[*fields])
            return changed

        return BatchOut.of(self._unique(work), actor.scope.course_ids)

    def remove(self, batch_id: str, actor: Actor) -> None:
        """Remove a batch without students, and its instances."""

        def work() -> None:
            batch = self._found(batch_id, actor)
            within = actor.scope.course_ids
            if within is not None and not set(batch.course_ids) <= set(within):
                raise NotOnlyYours()
            self._ground.refuse_while_used("batch", batch_id, batch.campus_id, {})
            self._places.instances.remove_of(actor.scope, batch_id)
            self._places.batches.remove(actor.scope, batch_id)
            self._record("batch.removed", batch, actor)

        self._ground.store.atomically(work)

    def get_instance(self, instance_id: str, actor: Actor) -> InstanceOut:
        """Return a batch-course instance."""
        instance = self._places.instances.find(actor.scope, instance_id)
        if instance is None:
            raise InstanceNotFound()
        return InstanceOut.of(instance)

    def list_instances(self, query: InstanceQuery, actor: Actor) -> PageOf[InstanceOut]:
        """Return a page of batch-course instances, in the order in which they were made."""
        keyset = Keyset.of(query, {"id": "_id"}, "id")
        names = ("campus_id", "batch_id", "course_id")
        filters = {name: value for name in names if (value := getattr(query, name))}
        rows = self._places.instances.list_rows(actor.scope, filters, keyset)
        return keyset.page(rows, lambda row: InstanceOut.of(BatchCourseInstance.from_mongo(row)))

    def _swap(self, batch: Batch, wanted: Collection[str], actor: Actor) -> list[str]:
        """Add and remove instances; return the batch's new courses."""
        within = actor.scope.course_ids
        others = [c for c in batch.course_ids if within is not None and c not in within]
        self._take([c for c in wanted if c not in batch.course_ids], batch, actor)
        dropped = [c for c in batch.course_ids if c not in wanted and c not in others]
        for instance in self._places.instances.of_batch(actor.scope, batch.id):
            if instance.course_id in dropped:
                self._ground.refuse_while_used("instance", instance.id, batch.campus_id, {})
        self._places.instances.remove_of(actor.scope, batch.id, dropped)
        return [*others, *dict.fromkeys(wanted)]

    def _take(self, course_ids: Collection[str], batch: Batch, actor: Actor) -> None:
        """Make instances of new courses, each of which is the actor's and of the batch's campus."""
        for course_id in course_ids:
            course = self._places.courses.hold(actor.scope, course_id)
            if course is None or course.campus_id != batch.campus_id:
                raise Invalid.field("course_ids", NO_COURSE)
        now = self._ground.clock.now()
        made = [
            BatchCourseInstance(
                campus_id=batch.campus_id, batch_id=batch.id, course_id=course_id, created_at=now
            )
            for course_id in course_ids
        ]
        self._places.instances.add_many(actor.scope, made)

    def _found(self, batch_id: str, actor: Actor) -> Batch:
        batch = self._places.batches.find(actor.scope, batch_id)
        if batch is None:
            raise BatchNotFound()
        return batch

    def _record(self, action: str, batch: Batch, actor: Actor, **detail: Any) -> None:
        self._ground.record(action, actor, batch.campus_id, f"batch:{batch.id}", **detail)

    def _unique(self, work: Callable[[], T]) -> T:
        try:
            return self._ground.store.atomically(work)
        except DuplicateKeyError:
            raise AlreadyInUse.of("name", "another batch of this campus has this name") from None
