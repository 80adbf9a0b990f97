"""How far students are in practice: as they see it themselves, and as admins see them and their batches."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from models import Actor
from services.attempts.ground import own
from services.campuses.batches import BatchService
from services.practice.ladder import Step
from services.practice.schemas import (
    BatchProgress,
    ModuleCounts,
    Passed,
    Progress,
    ProgressRow,
    StepCounts,
    shown,
)
from services.practice.standing import Standing, Standings
from services.questions.documents import QuestionModule
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from services.students.schemas import StudentOut, StudentQuery
from services.students.service import StudentService
from utils.paging import PageOf


class PracticeProgress:
    """Shows standings. What belongs to an exam is in none of them."""

    def __init__(
        self,
        standings: Standings,
        roll: StudentRepository,
        students: StudentService,
        batches: BatchService,
    ) -> None:
        self._standings, self._roll, self._students, self._batches = standings, roll, students, batches

    def of_student(self, student_id: str, actor: Actor) -> Progress:
        """Return how far a student of the actor's scope is; a student's own scope holds only themselves."""
        student = self._roll.find(actor.scope, student_id)
        if student is None:
            raise StudentNotFound()
        standing = self._standings.of_one(student.id, student.campus_id)
        return Progress.of(student.id, self._standings.modules().values(), standing)

    def own(self, actor: Actor) -> Progress:
        """Return how far the student is who asks."""
        return self.of_student(str(own(actor).user_id), actor)

    def list_students(self, query: StudentQuery, actor: Actor) -> PageOf[ProgressRow]:
        """Return a page of the actor's students and how far they are."""
        page = self._students.list_students(query, actor)
        found = self._standings.of(actor.scope.whole_campus, [student.id for student in page.items])
        items = [_row(student, found[student.id]) for student in page.items]
        return PageOf(items=items, next_cursor=page.next_cursor)

    def of_batch(self, batch_id: str, actor: Actor) -> BatchProgress:
        """Return how far the students of a batch are who are the actor's."""
        batch = self._batches.get(batch_id, actor)
        scope = replace(actor.scope, campus_id=batch.campus_id)
        ids = self._roll.ids_in_batch(scope, batch.id)
        found = list(self._standings.of(scope.whole_campus, ids).values())
        return BatchProgress(
            batch_id=batch.id,
            students=len(ids),
            practising=sum(bool(standing.tests) for standing in found),
            modules=[_counted(module, found) for module in self._standings.modules().values()],
        )


def _row(student: StudentOut, standing: Standing) -> ProgressRow:
    by_module: dict[str, list[Step]] = {}
    for step in standing.steps:
        by_module.setdefault(step.place.module, []).append(step)
    passed = {module: Passed.of(steps, standing) for module, steps in by_module.items()}
    return ProgressRow(
        id=student.id,
        name=student.name,
        roll_number=student.roll_number,
        batch_id=student.batch_id,
        attempts=sum(tried.attempts for tried in standing.tests.values()),
        last_at=max((tried.last_at for tried in standing.tests.values()), default=None),
        modules={module: one for module, one in passed.items() if one.attempts},
    )


def _counted(module: QuestionModule, standings: Sequence[Standing]) -> ModuleCounts:
    rows = [
        [step for step in standing.steps if step.place.module == module.id and step.best is not None]
        for standing in standings
    ]
    tried = [step for steps in rows for step in steps]
    best = [step.best for step in tried if step.best is not None]
    attempts = [
        one.places[step.place].attempts for one, steps in zip(standings, rows, strict=True) for step in steps
    ]
    return ModuleCounts(
        module=module.id,
        name=module.name,
        practising=sum(bool(steps) for steps in rows),
        attempts=sum(attempts),
        mean_best=shown(sum(best, Decimal(0)) / len(best)) if best else None,
        steps=_steps(tried),
    )


def _steps(tried: Sequence[Step]) -> list[StepCounts]:
    """Return the steps that anybody has tried, as they come."""
    places = dict.fromkeys(step.place for step in tried)
    return [
        StepCounts(
            topic=place.topic,
            level=place.level,
            tried=sum(step.place == place for step in tried),
            passed=sum(step.place == place and step.passed for step in tried),
        )
        for place in places
    ]
