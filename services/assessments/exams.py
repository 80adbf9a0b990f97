"""The online tests of a student: what comes, what can be begun now, what is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, Self

from pydantic import BaseModel

from models import Actor
from services.assessments.phases import Phase, end_for, phase_of
from services.assessments.repository import AssessmentRepository, Seen
from services.students.documents import Student
from services.students.repository import StudentRepository
from utils.clock import Clock

SHOWN_FOR: Final = timedelta(days=400)
LEEWAY: Final = timedelta(hours=1)  # of our clock, which only bounds what is read


@dataclass(frozen=True, slots=True)
class Sitting:
    """How far a student is with a test. ``attempt_id``: the one that runs."""

    begun: int = 0
    attempt_id: str | None = None
    deadline: datetime | None = None
    submitted_at: datetime | None = None


class Sittings(Protocol):
    """Answers for the attempts, which come after the tests."""

    def of(self, student: Student, test_ids: Sequence[str]) -> Mapping[str, Sitting]:
        """Return how far a student is with these tests, those not begun left out."""

    def begun(self, campus_id: str, test_id: str, student_ids: Sequence[str]) -> set[str]:
        """Return those of these students who have begun a test."""

    def running(self, campus_id: str, test_id: str) -> bool:
        """Tell whether somebody sits a test."""


class ExamOut(BaseModel):
    """``attempts_left``: how many more may be begun. ``attempt_id``, ``deadline``: of the one that runs.

    ``state``, ``window_end_at`` and ``duration_minutes`` are this student's, accommodations reckoned in.
    """

    id: str
    name: str
    state: Phase
    window_start_at: datetime
    window_end_at: datetime
    duration_minutes: int
    attempts_left: int
    attempt_id: str | None
    deadline: datetime | None
    submitted_at: datetime | None

    @classmethod
    def of(cls, seen: Seen, student: Student, sitting: Sitting) -> Self:
        """Show a test to somebody who takes it."""
        test, needs = seen.test, student.accommodations
        allowed = (test.attempts_allowed or 1) + needs.extra_attempts
        return cls(
            **test.model_dump(include={"id", "name", "window_start_at"}),
            window_end_at=end_for(test, needs.time_percent),
            state=phase_of(test, seen.now, needs.time_percent),
            duration_minutes=-(-test.duration_minutes * needs.time_percent // 100),
            attempts_left=max(0, allowed - sitting.begun),
            attempt_id=sitting.attempt_id,
            deadline=sitting.deadline,
            submitted_at=sitting.submitted_at,
        )

    @property
    def list_name(self) -> str:
        """Which list it is in: what runs is active until it is submitted, whatever the window."""
        if self.attempt_id is not None:
            return "active"
        if self.state is Phase.PUBLISHED:
            return "upcoming"
        return "active" if self.state is Phase.OPEN and self.attempts_left else "completed"


class ExamsOut(BaseModel):
    """A student's exams. ``server_time`` is the clock that decides."""

    server_time: datetime
    upcoming: list[ExamOut]
    active: list[ExamOut]
    completed: list[ExamOut]


class StudentExams:
    """Shows students their exams."""

    def __init__(
        self, tests: AssessmentRepository, students: StudentRepository, sittings: Sittings, clock: Clock
    ) -> None:
        self._tests, self._students, self._sittings, self._clock = tests, students, sittings, clock

    def of(self, actor: Actor) -> ExamsOut:
        """Return the exams of whoever asks: the next ones first, of those that are over the newest."""
        student = self._students.find(actor.scope, actor.id)
        now = self._clock.now()
        lists: dict[str, list[ExamOut]] = {"upcoming": [], "active": [], "completed": []}
        if student is None:
            return ExamsOut(server_time=now, **lists)
        found = self._tests.exams_of(student, now - SHOWN_FOR, now - LEEWAY)
        sittings = self._sittings.of(student, [seen.test.id for seen in found])
        for seen in found:
            shown = ExamOut.of(seen, student, sittings.get(seen.test.id, Sitting()))
            lists[shown.list_name].append(shown)
        lists["completed"].reverse()
        return ExamsOut(server_time=found[-1].now if found else now, **lists)
