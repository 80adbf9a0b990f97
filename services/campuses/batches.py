"""Batches, and the instances that come and go with their courses."""

from collections.abc import Collection, Sequence
from typing import Final

from models import Actor
from services.campuses.documents import Batch, BatchCourseInstance
from services.campuses.keeping import Ground, Keeper, Kind
from services.campuses.problems import BatchNotFound, InstanceNotFound, NotOnlyYours
from services.campuses.schemas import (
    BatchCreate,
    BatchOut,
    BatchUpdate,
    InstanceOut,
    InstanceQuery,
    PlaceQuery,
)
from utils.paging import Keyset, PageOf
from utils.problems import Invalid
from utils.scope import Scope

NO_COURSE: Final = "names a course that is not one of yours at this campus"
INSTANCE_SORTS: Final = {"id": "_id"}


class BatchService:
    """Makes, shows, changes and removes batches. Nobody sees or touches those courses that are not theirs."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._places = ground, ground.places
        kind = Kind("batch", BatchNotFound, "name", "another batch of this campus has this name")
        self._kept = Keeper(kind, ground.places.batches, ground)

    def create(self, wanted: BatchCreate, actor: Actor) -> BatchOut:
        """Store a new batch with an instance for each of its courses."""
        batch = Batch(**self._kept.fresh(wanted.model_dump()))

        def work() -> None:
            self._ground.hold_campus(actor, wanted.campus_id)
            self._take(batch, batch.course_ids, actor)
            self._kept.add(batch, actor)

        self._kept.atomically(work)
        return _shown(batch, actor)

    def get(self, batch_id: str, actor: Actor) -> BatchOut:
        """Return a batch; one that the actor may not see does not exist."""
        return _shown(self._kept.recent(actor.scope, batch_id), actor)

    def list_batches(self, query: PlaceQuery, actor: Actor) -> PageOf[BatchOut]:
        """Return a page of batches."""
        return self._kept.page(actor.scope, query.filters(), query, lambda batch: _shown(batch, actor))

    def change(self, batch_id: str, wanted: BatchUpdate, revision: int | None, actor: Actor) -> BatchOut:
        """Change a batch that nobody else changed meanwhile; courses of others stay as they are."""

        def work() -> Batch:
            batch, fields = self._kept.found(actor.scope, batch_id), wanted.fields()
            if wanted.course_ids is not None:
                fields["course_ids"] = _with_those_of_others(batch, wanted.course_ids, actor)
            changed = self._kept.change(batch, fields, revision, actor)
            self._drop(batch, [c for c in batch.course_ids if c not in changed.course_ids])
            self._take(batch, [c for c in changed.course_ids if c not in batch.course_ids], actor)
            return changed

        return _shown(self._kept.atomically(work), actor)

    def remove(self, batch_id: str, actor: Actor) -> None:
        """Remove a batch without students, and its instances."""

        def work() -> None:
            batch = self._kept.found(actor.scope, batch_id)
            if not all(_is_theirs(course_id, actor) for course_id in batch.course_ids):
                raise NotOnlyYours()
            self._kept.remove(batch, actor)
            self._places.instances.remove_of(Scope.campus(batch.campus_id), batch_id)

        self._kept.atomically(work)

    def get_instance(self, instance_id: str, actor: Actor) -> InstanceOut:
        """Return a batch-course instance."""
        instance = self._places.instances.recent(actor.scope, instance_id)
        if instance is None:
            raise InstanceNotFound()
        return InstanceOut.of(instance)

    def list_instances(self, query: InstanceQuery, actor: Actor) -> PageOf[InstanceOut]:
        """Return a page of batch-course instances, in the order in which they were made."""
        keyset = Keyset.of(query, INSTANCE_SORTS, "id")
        page = self._places.instances.recent_page(actor.scope, query.filters(), keyset)
        return PageOf(items=[InstanceOut.of(each) for each in page.items], next_cursor=page.next_cursor)

    def _take(self, batch: Batch, course_ids: Sequence[str], actor: Actor) -> None:
        """Make instances of new courses, each of which is the actor's and of the batch's campus."""
        for course_id in course_ids:
            course = self._places.courses.hold(actor.scope, course_id)
            if course is None or course.campus_id != batch.campus_id:
                raise Invalid.field("course_ids", NO_COURSE)
        now = self._ground.clock.now()
        ids = {"campus_id": batch.campus_id, "batch_id": batch.id}
        made = [BatchCourseInstance(**ids, course_id=course_id, created_at=now) for course_id in course_ids]
        self._places.instances.add_many(Scope.campus(batch.campus_id), made)

    def _drop(self, batch: Batch, course_ids: Collection[str]) -> None:
        """Remove the instances of courses that no student of the batch takes; raise StillInUse for others."""
        if not course_ids:
            return
        scope = Scope.campus(batch.campus_id)
        for instance in self._places.instances.of_batch(scope, batch.id):
            if instance.course_id in course_ids:
                self._ground.refuse_while_used("instance", instance.id, batch.campus_id)
        self._places.instances.remove_of(scope, batch.id, course_ids)


def _is_theirs(course_id: str, actor: Actor) -> bool:
    within = actor.scope.course_ids
    return within is None or course_id in within


def _with_those_of_others(batch: Batch, wanted: Sequence[str], actor: Actor) -> tuple[str, ...]:
    """Return the batch's courses when the actor wants these; raise Invalid for one not theirs."""
    if not all(_is_theirs(course_id, actor) for course_id in wanted):
        raise Invalid.field("course_ids", NO_COURSE)
    kept = (c for c in batch.course_ids if c in wanted or not _is_theirs(c, actor))
    return tuple(dict.fromkeys((*kept, *wanted)))


def _shown(batch: Batch, actor: Actor) -> BatchOut:
    return BatchOut.of(batch, tuple(c for c in batch.course_ids if _is_theirs(c, actor)))
