"""What other areas ask about the organisation."""

from collections.abc import Mapping, Sequence

from models import Actor
from services.campuses.documents import Batch, Course
from services.campuses.problems import BatchNotFound
from services.campuses.repository import Places
from utils.problems import Invalid
from utils.scope import Scope


class PlaceLookup:
    """Answers OrganisationLookup for the accounts, and what students and imports need."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def hold_campus(self, scope: Scope, campus_id: str) -> bool:
        """Tell whether this is a campus of the scope; it then stays until the open transaction ends."""
        return self._places.campuses.hold(scope.whole_campus, campus_id) is not None

    def hold_courses(self, scope: Scope, campus_id: str, course_ids: Sequence[str]) -> bool:
        """Tell whether all these are courses of this campus and the scope; they then stay as well."""
        held = (self._places.courses.hold(scope, course_id) for course_id in dict.fromkeys(course_ids))
        return all(course is not None and course.campus_id == campus_id for course in held)

    def hold_batches(self, scope: Scope, campus_id: str, batch_ids: Sequence[str]) -> bool:
        """Tell whether all these are batches of this campus and the scope; they then stay as well."""
        held = (self._places.batches.hold(scope, batch_id) for batch_id in dict.fromkeys(batch_ids))
        return all(batch is not None and batch.campus_id == campus_id for batch in held)

    def those_of(self, scope: Scope, batch_ids: Sequence[str]) -> list[str]:
        """Return those of these batches that lie in the scope."""
        return [batch.id for batch in self._places.batches.find_many(scope, batch_ids)]

    def campus_name(self, campus_id: str) -> str | None:
        """Return what a campus is called."""
        campus = self._places.campuses.find(Scope.campus(campus_id), campus_id)
        return campus.name if campus else None

    def timezone(self, campus_id: str) -> str | None:
        """Return the name of a campus's time zone."""
        campus = self._places.campuses.find(Scope.campus(campus_id), campus_id)
        return campus.timezone if campus else None

    def batch(self, actor: Actor, batch_id: str) -> Batch:
        """Return a batch that a client named in a body; raise Invalid for one that is not the actor's."""
        batch = self._places.batches.find(actor.scope, batch_id)
        if batch is None:
            raise Invalid.field("batch_id", "is not a batch of yours")
        return batch

    def courses_of(self, actor: Actor, batch: Batch, course_ids: Sequence[str]) -> tuple[str, ...]:
        """Return these courses, each once; raise Invalid for one that is not the batch's and theirs."""
        within = actor.scope.course_ids
        allowed = [c for c in batch.course_ids if within is None or c in within]
        if any(course_id not in allowed for course_id in course_ids):
            raise Invalid.field("course_ids", "names a course that is not one of yours in this batch")
        return tuple(dict.fromkeys(course_ids))

    def import_place(
        self, actor: Actor, batch_id: str, course_ids: Sequence[str]
    ) -> tuple[str, tuple[str, ...]]:
        """Return a batch's campus and those of its courses that the actor may fill."""
        batch = self.batch(actor, batch_id)
        self.courses_of(actor, batch, course_ids)
        within = actor.scope.course_ids
        return batch.campus_id, tuple(c for c in batch.course_ids if within is None or c in within)

    def narrowed(
        self, scope: Scope, campus_id: str | None, batch_id: str | None, course_id: str | None
    ) -> Scope | None:
        """Return the part of a scope that lies in a campus and a course; None when there is none.

        It names the campus as soon as any of the three is given.
        """
        campuses = {campus_id, scope.campus_id}
        if batch_id is not None:
            batch = self._places.batches.recent(scope, batch_id)
            campuses.add(batch.campus_id if batch else "")
        if course_id is not None:
            course = self._places.courses.recent(scope, course_id)
            campuses.add(course.campus_id if course else "")
        named = campuses - {None}
        if len(named) > 1 or "" in named:
            return None
        courses = scope.course_ids if course_id is None else (course_id,)
        return Scope(scope.label, next(iter(named), None), courses, scope.user_id)

    def campus_ids(self, scope: Scope) -> list[str]:
        """Return the ids of all campuses of a scope, as they were a moment ago."""
        return self._places.campuses.recent_ids(scope.whole_campus)

    def courses(self, campus_id: str, course_ids: Sequence[str]) -> list[Course]:
        """Return courses of a campus."""
        return self._places.courses.find_many(Scope.campus(campus_id), course_ids)

    def hold_batch(self, campus_id: str, batch_id: str) -> Batch:
        """Note, in the open transaction, that students now depend on a batch; raise BatchNotFound."""
        batch = self._places.batches.hold(Scope.campus(campus_id), batch_id)
        if batch is None:
            raise BatchNotFound()
        return batch

    def instances(self, campus_id: str, batch_id: str) -> Mapping[str, str]:
        """Return the instance of each course of a batch."""
        found = self._places.instances.of_batch(Scope.campus(campus_id), batch_id)
        return {instance.course_id: instance.id for instance in found}
