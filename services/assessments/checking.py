"""What a test may be: whether it makes sense by itself, and names what is there and the author's."""

from collections.abc import Iterator, Sequence
from typing import Final

from models import Actor
from services.assessments.documents import Assessment, AssessmentKind, SectionPlan, SlotPlan
from services.assessments.schemas import MOST_SLOTS
from services.campuses.lookup import PlaceLookup
from services.questions.modules import ModuleService
from services.questions.repository import QuestionRepository
from services.students.repository import StudentRepository
from utils.problems import Invalid
from utils.scope import Scope

Place = tuple[str, SlotPlan]  # where a slot stands, as a pointer without its first slash
NOT_YOURS: Final = "names one that is not yours at this campus"


class PlanChecks:
    """Accepts what somebody plans, in the transaction that stores it, or raises Invalid."""

    def __init__(
        self,
        places: PlaceLookup,
        students: StudentRepository,
        questions: QuestionRepository,
        modules: ModuleService,
    ) -> None:
        self._places, self._students = places, students
        self._questions, self._modules = questions, modules

    def accept(self, test: Assessment, actor: Actor, changed: Sequence[str]) -> None:
        """Raise Invalid for a senseless test, or whose ``changed`` fields name what is not here."""
        coherent(test)
        if {"module", "level", "topic"} & set(changed) and test.module is not None:
            self._modules.accept(test.module, test.level, test.topic)
        if {"course_ids", "batch_ids", "student_ids"} & set(changed):
            self._audience(test, actor)
        if "sections" in changed:
            self._slots(test)

    def _audience(self, test: Assessment, actor: Actor) -> None:
        """Keep the places of an audience until the transaction ends: the test depends on them."""
        scope = actor.scope
        if not self._places.hold_campus(scope, test.campus_id):
            raise Invalid.field("campus_id", "is not one of your campuses")
        if scope.course_ids is not None and not test.course_ids:
            raise Invalid.field("course_ids", "must name some of your courses")
        if not self._places.hold_courses(scope, test.campus_id, test.course_ids):
            raise Invalid.field("course_ids", NOT_YOURS)
        if not self._places.hold_batches(scope, test.campus_id, test.batch_ids):
            raise Invalid.field("batch_ids", NOT_YOURS)
        found = self._students.find_many(scope, test.student_ids) if test.student_ids else []
        if len([one for one in found if one.campus_id == test.campus_id]) != len(test.student_ids):
            raise Invalid.field("student_ids", NOT_YOURS)

    def _slots(self, test: Assessment) -> None:
        for pointer, slot in slots_of(test.sections):
            if slot.pool is not None:
                try:
                    self._modules.accept(slot.pool.module, slot.pool.level, None)
                except Invalid as error:
                    raise _within(f"{pointer}/pool", error) from None
        wanted = [(at, slot.question_id) for at, slot in slots_of(test.sections) if slot.question_id]
        scope = Scope.campus(test.campus_id)
        found = self._questions.find_many(scope, [question_id for _, question_id in wanted])
        seen: set[str] = set()
        for pointer, question_id in wanted:
            if question_id not in found:
                raise Invalid.field(f"{pointer}/question_id", "is not a question that this campus may use")
            if question_id in seen:
                raise Invalid.field(f"{pointer}/question_id", "is in the test already")
            seen.add(question_id)


def coherent(test: Assessment) -> None:
    """Raise Invalid for a test whose own fields contradict each other."""
    start, end = test.window_start_at, test.window_end_at
    if test.kind is AssessmentKind.PRACTICE:
        if start is not None or end is not None:
            raise Invalid.field("window_start_at" if start else "window_end_at", "practice has no window")
    elif start is None or end is None:
        raise Invalid.field("window_end_at" if start else "window_start_at", "an online test has a window")
    elif start >= end:
        raise Invalid.field("window_end_at", "must be after window_start_at")
    _placed(test)
    if sum(slot.pool.pick if slot.pool else 1 for _, slot in slots_of(test.sections)) > MOST_SLOTS:
        raise Invalid.field("sections", f"ask more than {MOST_SLOTS} questions")


def _placed(test: Assessment) -> None:
    """Raise Invalid for half a place."""
    for name in ("level", "topic"):
        if test.module is None and getattr(test, name) is not None:
            raise Invalid.field(name, "needs a module")


def slots_of(sections: Sequence[SectionPlan]) -> Iterator[Place]:
    """Yield every slot with where it stands."""
    for number, section in enumerate(sections):
        for place, slot in enumerate(section.slots):
            yield f"sections/{number}/slots/{place}", slot


def _within(pointer: str, error: Invalid) -> Invalid:
    errors = error.extensions["errors"]
    return Invalid(errors=[{**one, "pointer": f"/{pointer}{one['pointer']}"} for one in errors])
