"""Campuses and courses: where things are, and what is taught there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from models import Actor
from services.audit.service import AuditService
from services.campuses.documents import Campus, Course
from services.campuses.problems import AlreadyInUse, CampusNotFound, CourseNotFound, StillInUse
from services.campuses.repository import Places
from services.campuses.schemas import (
    CampusCreate,
    CampusOut,
    CampusUpdate,
    CourseCreate,
    CourseOut,
    CourseUpdate,
    PlaceQuery,
)
from services.ports import Dependants
from utils.clock import Clock
from utils.documents import new_id
from utils.paging import Keyset, PageOf, PageQuery
from utils.problems import Invalid, Stale
from utils.scope import Scope
from utils.store import Store
from utils.text import key_of

BY_NAME: Final = {"name": "name_key"}
NO_CAMPUS: Final = "is not a campus of yours"


class Ground:
    """What the services of the organisation share: the rows, the transaction, the audit log, who depends."""

    def __init__(
        self,
        places: Places,
        store: Store,
        audit: AuditService,
        clock: Clock,
        dependants: Sequence[Dependants],
    ) -> None:
        self.places, self.store, self.clock = places, store, clock
        self._audit, self._dependants = audit, dependants

    def record(self, action: str, actor: Actor, campus_id: str, target: str, **detail: Any) -> None:
        """Write to the audit log."""
        self._audit.record(action, actor_id=actor.id, campus_id=campus_id, target=target, **detail)

    def refuse_while_used(self, kind: str, row_id: str, campus_id: str, own: Mapping[str, int]) -> None:
        """Raise StillInUse if anything depends on the row; asked inside the transaction that removes it."""
        counts = dict(own)
        for provider in self._dependants:
            counts |= provider.counts(kind, row_id, campus_id)
        if used := {name: count for name, count in counts.items() if count}:
            raise StillInUse.by(used)


class CampusService:
    """Makes, shows, changes and removes campuses."""

    def __init__(self, ground: Ground, default_country: str) -> None:
        self._ground, self._campuses = ground, ground.places.campuses
        self._default_country = default_country

    def create(self, wanted: CampusCreate, actor: Actor) -> CampusOut:
        """Store a new campus."""
        row_id, now = new_id(), self._ground.clock.now()
        campus = Campus(
            id=row_id,
            campus_id=row_id,
            name=wanted.name,
            name_key=key_of(wanted.name),
            code=wanted.code,
            code_key=key_of(wanted.code),
            timezone=wanted.timezone,
            country=wanted.country or self._default_country,
            created_at=now,
            updated_at=now,
        )

        def work() -> None:
            self._campuses.add(actor.scope, campus)
            self._ground.record("campus.created", actor, row_id, f"campus:{row_id}")

        self._unique(work)
        return CampusOut.of(campus)

    def get(self, campus_id: str, actor: Actor) -> CampusOut:
        """Return a campus; one that the actor may not see does not exist."""
        return CampusOut.of(self._found(campus_id, actor))

    def list_campuses(self, query: PageQuery, actor: Actor) -> PageOf[CampusOut]:
        """Return a page of campuses."""
        keyset = Keyset.of(query, BY_NAME, "name")
        rows = self._campuses.list_rows(_whole(actor.scope), {}, keyset)
        return keyset.page(rows, lambda row: CampusOut.of(Campus.from_mongo(row)))

    def change(self, campus_id: str, wanted: CampusUpdate, revision: int | None, actor: Actor) -> CampusOut:
        """Change a campus that nobody else changed meanwhile."""
        fields = with_keys(wanted.fields()) | {"updated_at": self._ground.clock.now()}

        def work() -> Campus:
            self._found(campus_id, actor)
            changed = self._campuses.change(actor.scope, campus_id, fields, revision)
            if changed is None:
                raise Stale()
            self._ground.record("campus.changed", actor, campus_id, f"campus:{campus_id}", fields=[*fields])
            return changed

        return CampusOut.of(self._unique(work))

    def remove(self, campus_id: str, actor: Actor) -> None:
        """Remove a campus that nothing depends on."""

        def work() -> None:
            self._found(campus_id, actor)
            scope, places = Scope.campus(campus_id), self._ground.places
            own = {"courses": places.courses.count(scope, {}), "batches": places.batches.count(scope, {})}
            self._ground.refuse_while_used("campus", campus_id, campus_id, own)
            self._campuses.remove(scope, campus_id)
            self._ground.record("campus.removed", actor, campus_id, f"campus:{campus_id}")

        self._ground.store.atomically(work)

    def _found(self, campus_id: str, actor: Actor) -> Campus:
        campus = self._campuses.find(_whole(actor.scope), campus_id)
        if campus is None:
            raise CampusNotFound()
        return campus

    def _unique(self, work: Any) -> Any:
        try:
            return self._ground.store.atomically(work)
        except DuplicateKeyError:
            raise AlreadyInUse.of("code", "another campus has this code") from None


class CourseService:
    """Makes, shows, changes and removes courses."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._courses = ground, ground.places.courses

    def create(self, wanted: CourseCreate, actor: Actor) -> CourseOut:
        """Store a new course of a campus."""
        now = self._ground.clock.now()
        course = Course(
            campus_id=wanted.campus_id,
            name=wanted.name,
            name_key=key_of(wanted.name),
            code=wanted.code,
            code_key=key_of(wanted.code),
            created_at=now,
            updated_at=now,
        )

        def work() -> None:
            if self._ground.places.campuses.hold(_whole(actor.scope), wanted.campus_id) is None:
                raise Invalid.field("campus_id", NO_CAMPUS)
            self._courses.add(actor.scope, course)
            self._ground.record("course.created", actor, wanted.campus_id, f"course:{course.id}")

        self._unique(work)
        return CourseOut.of(course)

    def get(self, course_id: str, actor: Actor) -> CourseOut:
        """Return a course; one that the actor may not see does not exist."""
        return CourseOut.of(self._found(course_id, actor))

    def list_courses(self, query: PlaceQuery, actor: Actor) -> PageOf[CourseOut]:
        """Return a page of courses."""
        keyset = Keyset.of(query, BY_NAME, "name")
        filters = {"campus_id": query.campus_id} if query.campus_id else {}
        rows = self._courses.list_rows(actor.scope, filters, keyset)
        return keyset.page(rows, lambda row: CourseOut.of(Course.from_mongo(row)))

    def change(self, course_id: str, wanted: CourseUpdate, revision: int | None, actor: Actor) -> CourseOut:
        """Change a course that nobody else changed meanwhile."""
        fields = with_keys(wanted.fields()) | {"updated_at": self._ground.clock.now()}

        def work() -> Course:
            course = self._found(course_id, actor)
            changed = self._courses.change(actor.scope, course_id, fields, revision)
            if changed is None:
                raise Stale()
            target = f"course:{course_id}"
            self._ground.record("course.changed", actor, course.campus_id, target, fields=[*fields])
            return changed

        return CourseOut.of(self._unique(work))

    def remove(self, course_id: str, actor: Actor) -> None:
        """Remove a course that no batch takes."""

        def work() -> None:
            course = self._found(course_id, actor)
            scope = Scope.campus(course.campus_id)
            own = {"batches": self._ground.places.batches.count(scope, {"course_ids": course_id})}
            self._ground.refuse_while_used("course", course_id, course.campus_id, own)
            self._courses.remove(actor.scope, course_id)
            self._ground.record("course.removed", actor, course.campus_id, f"course:{course_id}")

        self._ground.store.atomically(work)

    def _found(self, course_id: str, actor: Actor) -> Course:
        course = self._courses.find(actor.scope, course_id)
        if course is None:
            raise CourseNotFound()
        return course

    def _unique(self, work: Any) -> Any:
        try:
            return self._ground.store.atomically(work)
        except DuplicateKeyError:
            raise AlreadyInUse.of("code", "another course of this campus has this code") from None


def with_keys(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the normal forms of those that have one."""
    return {**fields, **{f"{name}_key": key_of(fields[name]) for name in ("name", "code") if name in fields}}


def _whole(scope: Scope) -> Scope:
    """Return the campus that a scope lies in: whoever works in some of its courses may see the campus."""
    return Scope(scope.label, scope.campus_id)
