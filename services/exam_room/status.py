"""How an exam goes: counts of where its audience stands, and everybody in it by name."""

from collections import Counter
from dataclasses import replace
from typing import Any, Final

from models import Actor
from services.assessments.audience import SORTS, group_of
from services.assessments.phases import phase_of
from services.assessments.repository import Seen
from services.attempts.standing_repository import Stand, Standing, StandingRepository
from services.exam_room.ground import ExamGround, place_of
from services.exam_room.schemas import ExamStatus, SitterOut, SitterQuery, StandingCounts
from services.students.documents import Student
from services.students.groups import StudentGroup
from utils.paging import Keyset, PageOf
from utils.scope import Scope

BY_NAME: Final = "name"


class ExamRoom:
    """Shows exams that go on."""

    def __init__(self, ground: ExamGround, standings: StandingRepository) -> None:
        self._ground, self._standings = ground, standings

    def status(self, test_id: str, actor: Actor) -> ExamStatus:
        """Return how an exam goes now."""
        return self.shown(self._ground.found(test_id, actor))

    def shown(self, seen: Seen) -> ExamStatus:
        """Return how an exam goes, whoever asks."""
        test, scope = seen.test, Scope.campus(seen.test.campus_id)
        standing = self._standings.everybody(scope, test.id)
        counts = Counter(standing.values())
        waiting = replace(group_of(test), without=tuple(standing))  # who was moved elsewhere has begun
        counts[Standing.NOT_STARTED] = self._ground.students.count_group(scope, waiting)
        return ExamStatus(
            id=test.id,
            campus_id=test.campus_id,
            name=test.name,
            state=phase_of(test, seen.now),
            window_start_at=test.window_start_at,
            window_end_at=test.window_end_at,
            duration_minutes=test.duration_minutes,
            total=counts.total(),
            counts=StandingCounts(**{str(name): count for name, count in counts.items()}),
            server_time=seen.now,
        )

    def students(self, test_id: str, query: SitterQuery, actor: Actor) -> PageOf[SitterOut]:
        """Return a page of an exam's audience by name, with where each stands now."""
        test = self._ground.found(test_id, actor).test
        keyset = Keyset.of(query, SORTS, BY_NAME)
        group = self._group(group_of(test), Scope.campus(test.campus_id), test.id, query)
        if group is None:
            return PageOf(items=[], next_cursor=None)
        rows = self._ground.students.group_rows(place_of(test, actor), group, keyset)
        ids = [str(row["_id"]) for row in rows]
        stands = self._standings.of_students(Scope.campus(test.campus_id), test.id, ids)
        return keyset.page(rows, lambda row: _shown(Student.from_mongo(row), stands.get(str(row["_id"]))))

    def _group(
        self, whole: StudentGroup, scope: Scope, test_id: str, query: SitterQuery
    ) -> StudentGroup | None:
        """Return what is wanted of an audience; None for nobody."""
        if query.batch_id is not None:
            if query.batch_id not in (whole.batch_ids or (query.batch_id,)):
                return None
            whole = replace(whole, batch_ids=(query.batch_id,))
        if query.standing is None:
            return whole
        standing = self._standings.everybody(scope, test_id)
        if query.standing is Standing.NOT_STARTED:
            return replace(whole, without=tuple(standing))
        there = {student_id for student_id, where in standing.items() if where is query.standing}
        there &= set(whole.student_ids or there)
        return replace(whole, student_ids=tuple(sorted(there))) if there else None


def _shown(student: Student, stand: Stand | None) -> SitterOut:
    person: dict[str, Any] = {
        "student_id": student.id,
        "name": student.name,
        "roll_number": student.roll_number,
        "batch_id": student.batch_id,
    }
    if stand is None:
        return SitterOut(standing=Standing.NOT_STARTED, **person)
    begun = stand.model_dump(exclude={"student_id", "deadline_at"})
    return SitterOut(deadline=stand.deadline_at, **person, **begun)
