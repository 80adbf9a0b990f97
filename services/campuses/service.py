"""Campuses and courses: where things are, and what is taught there."""

from models import Actor
from services.campuses.documents import Campus, Course
from services.campuses.keeping import Ground, Keeper, Kind
from services.campuses.problems import CampusNotFound, CourseNotFound
from services.campuses.schemas import (
    CampusCreate,
    CampusOut,
    CampusUpdate,
    CourseCreate,
    CourseOut,
    CourseUpdate,
    PlaceQuery,
)
from utils.documents import new_id
from utils.paging import PageOf, PageQuery
from utils.scope import Scope


class CampusService:
    """Makes, shows, changes and removes campuses. Whoever works in a course may see its campus."""

    def __init__(self, ground: Ground, default_country: str) -> None:
        self._ground, self._default_country = ground, default_country
        kind = Kind("campus", CampusNotFound, "code", "another campus has this code")
        self._kept = Keeper(kind, ground.places.campuses, ground)

    def create(self, wanted: CampusCreate, actor: Actor) -> CampusOut:
        """Store a new campus."""
        row_id = new_id()
        fields = self._kept.fresh({"country": self._default_country} | wanted.model_dump(exclude_none=True))
        campus = Campus(id=row_id, campus_id=row_id, **fields)
        self._kept.atomically(lambda: self._kept.add(campus, actor))
        return CampusOut.of(campus)

    def get(self, campus_id: str, actor: Actor) -> CampusOut:
        """Return a campus; one that the actor may not see does not exist."""
        return CampusOut.of(self._kept.recent(actor.scope.whole_campus, campus_id))

    def list_campuses(self, query: PageQuery, actor: Actor) -> PageOf[CampusOut]:
        """Return a page of campuses."""
        return self._kept.page(actor.scope.whole_campus, {}, query, CampusOut.of)

    def change(self, campus_id: str, wanted: CampusUpdate, revision: int | None, actor: Actor) -> CampusOut:
        """Change a campus that nobody else changed meanwhile."""

        def work() -> Campus:
            return self._kept.change(self._found(campus_id, actor), wanted.fields(), revision, actor)

        return CampusOut.of(self._kept.atomically(work))

    def remove(self, campus_id: str, actor: Actor) -> None:
        """Remove a campus that nothing depends on."""

        def work() -> None:
            campus, places = self._found(campus_id, actor), self._ground.places
            within = Scope.campus(campus_id)
            courses, batches = places.courses.count(within, {}), places.batches.count(within, {})
            self._kept.remove(campus, actor, courses=courses, batches=batches)

        self._kept.atomically(work)

    def _found(self, campus_id: str, actor: Actor) -> Campus:
        return self._kept.found(actor.scope.whole_campus, campus_id)


class CourseService:
    """Makes, shows, changes and removes courses."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        kind = Kind("course", CourseNotFound, "code", "another course of this campus has this code")
        self._kept = Keeper(kind, ground.places.courses, ground)

    def create(self, wanted: CourseCreate, actor: Actor) -> CourseOut:
        """Store a new course of a campus."""
        course = Course(**self._kept.fresh(wanted.model_dump()))

        def work() -> None:
            self._ground.hold_campus(actor, wanted.campus_id)
            self._kept.add(course, actor)

        self._kept.atomically(work)
        return CourseOut.of(course)

    def get(self, course_id: str, actor: Actor) -> CourseOut:
        """Return a course; one that the actor may not see does not exist."""
        return CourseOut.of(self._kept.recent(actor.scope, course_id))

    def list_courses(self, query: PlaceQuery, actor: Actor) -> PageOf[CourseOut]:
        """Return a page of courses."""
        return self._kept.page(actor.scope, query.filters(), query, CourseOut.of)

    def change(self, course_id: str, wanted: CourseUpdate, revision: int | None, actor: Actor) -> CourseOut:
        """Change a course that nobody else changed meanwhile."""

        def work() -> Course:
            course = self._kept.found(actor.scope, course_id)
            return self._kept.change(course, wanted.fields(), revision, actor)

        return CourseOut.of(self._kept.atomically(work))

    def remove(self, course_id: str, actor: Actor) -> None:
        """Remove a course that no batch takes."""

        def work() -> None:
            course = self._kept.found(actor.scope, course_id)
            within = Scope.campus(course.campus_id)
            taking = self._ground.places.batches.count(within, {"course_ids": course_id})
            self._kept.remove(course, actor, batches=taking)

        self._kept.atomically(work)
