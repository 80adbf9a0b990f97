"""What the ladder lets a student begin."""

from services.assessments.documents import Assessment, AssessmentKind
from services.practice.ladder import Step
from services.practice.problems import StepLocked
from services.practice.schemas import PlaceOut
from services.practice.standing import Standings, place_in
from services.students.documents import Student


class PracticeGate:
    """Answers for attempts: whether a practice test may be begun. What has begun goes on, locked or not."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings

    def require(self, student: Student, test: Assessment) -> None:
        """Raise StepLocked for a practice test of a step that is not open to the student."""
        if test.kind is not AssessmentKind.PRACTICE:
            return
        standing = self._standings.of_one(student.id, student.campus_id)
        step = standing.step(place_in(self._standings.modules(), test))
        if step is not None and not step.open:
            raise _locked(step)


def _locked(step: Step) -> StepLocked:
    after = PlaceOut.of(step.after).model_dump() if step.after and not step.overridden else None
    return StepLocked(why=step.why, after=after)
