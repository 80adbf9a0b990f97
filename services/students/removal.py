"""Removing students, one or many, with their accounts: only those on whom nothing depends."""

from collections.abc import Sequence

from models import Actor
from services.campuses.problems import NotOnlyYours, StillInUse
from services.ports import Dependants
from services.students.departures import Departures
from services.students.documents import Student
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from services.students.schemas import BulkDeleteOut, BulkOutcome
from utils.problems import Problem
from utils.scope import Scope
from utils.store import Store


class StudentRemoval:
    """Removes students of the actor's scope."""

    def __init__(
        self,
        students: StudentRepository,
        departures: Departures,
        store: Store,
        dependants: Sequence[Dependants],
    ) -> None:
        self._students, self._departures = students, departures
        self._store, self._dependants = store, dependants

    def remove(self, student_id: str, actor: Actor) -> None:
        """Remove a student; raise StudentNotFound, NotOnlyYours or StillInUse."""
        refused = self._store.atomically(lambda: self._remove([student_id], actor))
        if student_id in refused:
            raise refused[student_id]

    def remove_many(self, student_ids: Sequence[str], actor: Actor) -> BulkDeleteOut:
        """Remove those who can be removed, together; say of each whether it is gone, and why not."""
        ids = list(dict.fromkeys(student_ids))
        refused = self._store.atomically(lambda: self._remove(ids, actor))
        return BulkDeleteOut(items=[_outcome(each, refused.get(each)) for each in ids])

    def _remove(self, ids: Sequence[str], actor: Actor) -> dict[str, Problem]:
        """Remove students in the open transaction; return why the others stay."""
        found = {student.id: student for student in self._students.find_many(actor.scope, ids)}
        refused = {
            each: why for each in ids if (why := self._refusal(found.get(each), actor.scope)) is not None
        }
        gone = [student for each, student in found.items() if each not in refused]
        for campus_id in sorted({student.campus_id for student in gone}):
            ids = [student.id for student in gone if student.campus_id == campus_id]
            self._departures.remove(Scope.campus(campus_id), ids, actor.id)
        return refused

    def _refusal(self, student: Student | None, scope: Scope) -> Problem | None:
        if student is None:
            return StudentNotFound()
        if scope.course_ids is not None and not set(student.course_ids) <= set(scope.course_ids):
            return NotOnlyYours()
        counts: dict[str, int] = {}
        for provider in self._dependants:
            counts |= provider.counts("student", student.id, student.campus_id)
        used = {name: count for name, count in counts.items() if count}
        return StillInUse.by(used) if used else None


def _outcome(student_id: str, refused: Problem | None) -> BulkOutcome:
    if refused is None:
        return BulkOutcome(id=student_id, deleted=True)
    reason = refused.detail or refused.title
    return BulkOutcome(id=student_id, deleted=False, problem=refused.slug(), reason=reason)
