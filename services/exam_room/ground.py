"""What the services of the exam room share: the exam, and who may direct it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models import Actor
from services.assessments.documents import Assessment, AssessmentKind, AssessmentState
from services.assessments.ground import AssessmentGround
from services.assessments.repository import Seen
from services.campuses.repository import Places
from services.exam_room.problems import ExamNotRunning
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from utils.problems import Invalid
from utils.scope import Scope

NOT_YOURS: Final = "names one that is not of this test's campus, or not yours"


@dataclass(frozen=True, slots=True)
class ExamGround:
    """Tests, and the batches and students that orders name."""

    tests: AssessmentGround
    students: StudentRepository
    places: Places

    def found(self, test_id: str, actor: Actor) -> Seen:
        """Return an exam that the actor may see; what was never published is none."""
        return _exam(self.tests.found(test_id, actor))

    def own(self, test_id: str, actor: Actor) -> Seen:
        """Return an exam that the actor may direct, all of its courses being theirs."""
        return _exam(self.tests.own(test_id, actor))

    def member(self, test: Assessment, actor: Actor, student_id: str) -> None:
        """Raise StudentNotFound for a student who is not of a test's campus, or not the actor's."""
        if not self.students.find_many(place_of(test, actor), [student_id]):
            raise StudentNotFound()

    def accept(
        self, test: Assessment, actor: Actor, batch_ids: Sequence[str], student_ids: Sequence[str]
    ) -> None:
        """Raise Invalid for a batch or a student that is not of a test's campus, or not the actor's."""
        place = place_of(test, actor)
        if len(self.places.batches.find_many(place, batch_ids)) < len(batch_ids):
            raise Invalid.field("batch_ids", NOT_YOURS)
        if len(self.students.find_many(place, student_ids)) < len(student_ids):
            raise Invalid.field("student_ids", NOT_YOURS)


def place_of(test: Assessment, actor: Actor) -> Scope:
    """Return what an actor sees of a test's campus."""
    return Scope(actor.scope.label, test.campus_id, actor.scope.course_ids)


def _exam(seen: Seen) -> Seen:
    if seen.test.kind is not AssessmentKind.ONLINE or seen.test.state is AssessmentState.DRAFT:
        raise ExamNotRunning()
    return seen
