"""The practice tests of a student: which are open, what was reached, and which attempt goes on."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from models import Actor
from services.assessments.documents import Feedback
from services.assessments.repository import AssessmentRepository, Seen
from services.attempts.ground import own
from services.attempts.history_repository import HistoryRepository
from services.practice.ladder import Place, Step, Why
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
    def of(cls, seen: Seen, step: Step | None, tried: Tried | None, attempt_id: str | None) -> "PracticeTest":
        """Show a test to a student."""
        test = seen.test
        copied = ("name", "module", "topic", "level", "duration_minutes", "feedback", "attempts_allowed")
        return cls(
            test_id=test.id,
            **{name: getattr(test, name) for name in copied},
            questions=seen.questions,
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
        ranks: dict[Place | None, int] = {step.place: rank for rank, step in enumerate(standing.steps)}
        last = len(ranks)  # where what belongs to no step stands
        seen.sort(key=lambda one: (ranks.get(place_in(modules, one.test), last), one.test.id))
        items = [_shown(one, standing, modules, begun) for one in seen]
        return PracticeTests(items=items, server_time=now)


def _shown(
    seen: Seen,
    standing: Standing,
    modules: Mapping[str, QuestionModule],
    begun: Mapping[str, str],
) -> PracticeTest:
    test_id = seen.test.id
    step = standing.step(place_in(modules, seen.test))
    return PracticeTest.of(seen, step, standing.tests.get(test_id), begun.get(test_id))
