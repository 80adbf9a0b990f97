"""The dashboards: a fixed number of reads side by side, however many campuses there are."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from config.permissions import Role
from models import Actor
from services.accounts.repository import PeopleTally, UserRepository
from services.batch_jobs.repository import BatchJobRepository
from services.campuses.documents import Campus, Course
from services.campuses.repository import PlaceRepository, Places
from services.dashboards.schemas import (
    CampusAdminDashboard,
    CampusCounts,
    CourseAdminDashboard,
    CourseCounts,
    Lately,
    StudentCounts,
    SuperadminDashboard,
    admins_by_role,
)
from services.imports.repository import ImportRepository
from services.students.repository import StudentRepository
from utils.async_processor import AsyncProcessor
from utils.clock import Clock
from utils.paging import Keyset
from utils.problems import Forbidden
from utils.scope import Scope

LATELY: Final = timedelta(days=30)
DEADLINE: Final = 10.0
SHOWN: Final = Keyset("name", "name_key", 1, 200, None)
Reads = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Counted:
    """Where what a dashboard counts is kept."""

    users: UserRepository
    places: Places
    students: StudentRepository
    jobs: BatchJobRepository
    imports: ImportRepository


class DashboardService:
    """Counts what lies in the actor's scope, as it is now."""

    def __init__(self, counted: Counted, processor: AsyncProcessor, clock: Clock) -> None:
        self._counted, self._processor, self._clock = counted, processor, clock

    def superadmin(self, actor: Actor) -> SuperadminDashboard:
        """Return the counts of the platform, and of each campus."""
        _require(actor, {Role.SUPERADMIN, Role.SUB_SUPERADMIN})
        scope, counted, since = actor.scope, self._counted, self._since()
        places = counted.places
        found = self._all(
            {
                "people": lambda: counted.users.tallies(scope),
                "campuses": lambda: places.campuses.tally(scope),
                "shown": lambda: _first(places.campuses, scope),
                "courses": lambda: places.courses.tally(scope),
                "batches": lambda: places.batches.tally(scope),
                **self._lately(scope, since),
            }
        )
        return SuperadminDashboard(
            campuses=len(found["campuses"]),
            courses=sum(found["courses"].values()),
            batches=sum(found["batches"].values()),
            students=StudentCounts.of(found["people"]),
            admins=admins_by_role(found["people"]),
            lately=Lately.of(since, found["jobs"], found["imports"]),
            by_campus=_by_campus(found["shown"], found),
        )

    def campus_admin(self, actor: Actor) -> CampusAdminDashboard:
        """Return the counts of the actor's campus, and of each of its courses."""
        _require(actor, {Role.CAMPUS_ADMIN})
        scope, counted, since = actor.scope, self._counted, self._since()
        found = self._all(
            {
                "people": lambda: counted.users.tallies(scope),
                "courses": lambda: counted.places.courses.tally(scope),
                **self._by_course(scope),
                **self._lately(scope, since),
            }
        )
        return CampusAdminDashboard(
            campus_id=str(actor.campus_id),
            courses=sum(found["courses"].values()),
            batches=sum(found["batches"].values()),
            students=StudentCounts.of(found["people"]),
            admins=admins_by_role(found["people"]),
            lately=Lately.of(since, found["jobs"], found["imports"]),
            by_course=_by_course(found["shown"], found),
        )

    def course_admin(self, actor: Actor) -> CourseAdminDashboard:
        """Return the counts of the actor's courses."""
        _require(actor, {Role.COURSE_ADMIN})
        scope, since = actor.scope, self._since()
        found = self._all(
            {
                "people": lambda: self._students_of(scope),
                **self._by_course(scope),
                **self._lately(scope, since),
            }
        )
        return CourseAdminDashboard(
            campus_id=str(actor.campus_id),
            courses=len(found["shown"]),
            batches=sum(found["batches"].values()),
            students=StudentCounts.of(found["people"]),
            lately=Lately.of(since, found["jobs"], found["imports"]),
            by_course=_by_course(found["shown"], found),
        )

    def _students_of(self, scope: Scope) -> list[PeopleTally]:
        """Count the accounts of students of some courses, of which accounts know nothing."""
        ids = self._counted.students.ids_of(scope)
        return self._counted.users.tallies(scope.whole_campus, ids)

    def _by_course(self, scope: Scope) -> Reads:
        counted = self._counted
        return {
            "shown": lambda: _first(counted.places.courses, scope),
            "batches": lambda: counted.places.batches.tally(scope),
            "batches of": lambda: counted.places.batches.tally_by_course(scope),
            "students of": lambda: counted.students.tally_by_course(scope),
        }

    def _lately(self, scope: Scope, since: datetime) -> Reads:
        return {
            "jobs": lambda: self._counted.jobs.tallies(scope, since),
            "imports": lambda: self._counted.imports.tally(scope, since),
        }

    def _since(self) -> datetime:
        return self._clock.now() - LATELY

    def _all(self, reads: Reads) -> dict[str, Any]:
        return self._processor.parallel(reads, DEADLINE)


def _require(actor: Actor, roles: Collection[Role]) -> None:
    if actor.role not in roles:
        raise Forbidden("This is the dashboard of another role.")


def _first(places: PlaceRepository[Any], scope: Scope) -> list[Any]:
    rows = places.list_rows(scope, {}, SHOWN)
    return [places.typed(row) for row in rows[: SHOWN.limit]]


def _by_campus(campuses: Sequence[Campus], found: Mapping[str, Any]) -> list[CampusCounts]:
    people: dict[str | None, list[PeopleTally]] = defaultdict(list)
    for one in found["people"]:
        people[one.campus_id].append(one)
    return [
        CampusCounts(
            id=campus.id,
            name=campus.name,
            courses=found["courses"].get(campus.id, 0),
            batches=found["batches"].get(campus.id, 0),
            admins=sum(admins_by_role(people[campus.id]).values()),
            students=StudentCounts.of(people[campus.id]),
        )
        for campus in campuses
    ]


def _by_course(courses: Sequence[Course], found: Mapping[str, Any]) -> list[CourseCounts]:
    return [
        CourseCounts(
            id=course.id,
            name=course.name,
            batches=found["batches of"].get(course.id, 0),
            students=found["students of"].get(course.id, 0),
        )
        for course in courses
    ]
