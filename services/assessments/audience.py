"""Who takes a test: a filter over students, so that whoever is enrolled later is in it, too."""

from typing import Final

from pydantic import BaseModel

from models import Actor
from services.assessments.documents import Assessment
from services.assessments.ground import AssessmentGround
from services.campuses.lookup import PlaceLookup
from services.students.documents import Student
from services.students.groups import StudentGroup
from services.students.repository import StudentRepository
from utils.paging import Keyset, PageQuery
from utils.scope import Scope

SORTS: Final = {"name": "name_key"}


class AudienceRow(BaseModel):
    """Somebody who takes a test. ``time_factor``: how much longer than others."""

    id: str
    name: str
    roll_number: str
    batch_id: str
    course_ids: list[str]
    time_factor: float


class AudienceOut(BaseModel):
    """A page of the students who take a test, and how many there are in all."""

    items: list[AudienceRow]
    next_cursor: str | None
    total: int


class Audiences:
    """Lists and counts the students of a test, as far as they are the reader's."""

    def __init__(self, ground: AssessmentGround, students: StudentRepository, places: PlaceLookup) -> None:
        self._ground, self._students, self._places = ground, students, places

    def page(self, test_id: str, query: PageQuery, actor: Actor) -> AudienceOut:
        """Return a page of a test's audience, by name."""
        test = self._ground.found(test_id, actor).test
        keyset = Keyset.of(query, SORTS, "name")
        scope = self._places.narrowed(actor.scope, test.campus_id, None, None)
        if scope is None:
            return AudienceOut(items=[], next_cursor=None, total=0)
        group = group_of(test)
        rows = self._students.group_rows(scope, group, keyset)
        page = keyset.page(rows, lambda row: _row(Student.from_mongo(row), scope))
        total = self._students.count_group(scope, group)
        return AudienceOut(items=page.items, next_cursor=page.next_cursor, total=total)


def group_of(test: Assessment) -> StudentGroup:
    """Return the students of a test's campus who take it."""
    return StudentGroup(test.course_ids, test.batch_ids, test.student_ids)


def _row(student: Student, scope: Scope) -> AudienceRow:
    within = scope.course_ids
    return AudienceRow(
        **student.model_dump(include={"id", "name", "roll_number", "batch_id"}),
        course_ids=[c for c in student.course_ids if within is None or c in within],
        time_factor=student.accommodations.time_percent / 100,
    )
