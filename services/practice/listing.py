"""The practice tests of a student: which are open, what was reached, and which attempt goes on."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from models import Actor
from services.assessments.documents import Assessment, Feedback
from services.assessments.repository import AssessmentRepository
from services.attempts.ground import own
from services.attempts.history_repository import HistoryRepository
from services.practice.ladder import Step, Why
from services.practice.schemas import PlaceOut, shown
from services.practice.standing import Standing, Standings, Tried, place_in
from services.questions.documents import QuestionModule
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from utils.clock import Clock
from utils.decimals import Amount


class PracticeTest(BaseModel):
    """``why`` and ``after``: why its step is open or not; null for a test of no step, which is always open.

    ``best`` is in percent. ``attempt_id``: of an attempt that has begun and goes on.
    """

    test_id: str
    name: str
    module: str | None
    topic: str | None
    level: str | None
    duration_minutes: int
    questions: int
    feedback: Feedback
    open: bool
    why: Why | None
    after: PlaceOut | None
    attempts_allowed: int | None
    attempts: int
    best: Amount | None
    last_at: datetime | None
    attempt_id: str | None

    @classmethod
    def of(
        cls, test: Assessment, step: Step | None, tried: Tried | None, attempt_id: str | None
    ) -> "PracticeTest":
        """Show a test to a student."""
        copied = ("name", "module", "topic", "level", "duration_minutes", "feedback", "attempts_allowed")
        return cls(
            test_id=test.id,
            **{name: getattr(test, name) for name in copied},
            questions=sum(len(section.slots) for section in test.blueprint),
            open=step is None or step.open,
            why=step.why if step else None,
            after=PlaceOut.of(step.after) if step and step.after else None,
            attempts=tried.attempts if tried else 0,
            best=shown(tried.best) if tried else None,
            last_at=tried.last_at if tried else None,
            attempt_id=attempt_id,
        )


class PracticeTests(BaseModel):
    """All practice tests of a student, in the order of the ladder."""

    items: list[PracticeTest]
    next_cursor: None = None
    server_time: datetime


class PracticeList:
    """Lists practice, in a fixed number of reads."""

    def __init__(
        self,
        standings: Standings,
        tests: AssessmentRepository,
        attempts: HistoryRepository,
        students: StudentRepository,
        clock: Clock,
    ) -> None:
        self._standings, self._tests, self._attempts = standings, tests, attempts
        self._students, self._clock = students, clock

    def tests(self, actor: Actor) -> PracticeTests:
        """Return the practice tests whose audience holds the student who asks."""
        student = self._students.find(own(actor), actor.id)
        if student is None:
            raise StudentNotFound()
        seen = self._tests.practice_of(student)
        standing = self._standings.of_one(student.id, student.campus_id)
        begun, modules = self._attempts.begun(own(actor), student.id), self._standings.modules()
        now = seen[0].now if seen else self._clock.now()
        ranked = sorted((one.test for one in seen), key=lambda test: _rank(test, standing, modules))
        items = [_shown(test, standing, modules, begun) for test in ranked]
        return PracticeTests(items=items, server_time=now)


def _shown(
    test: Assessment,
    standing: Standing,
    modules: Mapping[str, QuestionModule],
    begun: Mapping[str, str],
) -> PracticeTest:
    step = standing.step(place_in(modules, test))
    return PracticeTest.of(test, step, standing.tests.get(test.id), begun.get(test.id))


def _rank(test: Assessment, standing: Standing, modules: Mapping[str, QuestionModule]) -> tuple[int, str]:
    """Return where a test stands: by its step; what belongs to none comes last."""
    place = place_in(modules, test)
    ranks = [number for number, step in enumerate(standing.steps) if step.place == place]
    return (ranks[0] if ranks else len(standing.steps)), test.id
