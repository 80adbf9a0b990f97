"""Unlocking and locking steps for one student: with a reason, as a history, told to the student at once."""

from dataclasses import dataclass
from typing import Final

from models import Actor
from services.audit.service import AuditService
from services.notifications.inbox import own_room
from services.ports import ProgressFeed
from services.practice.documents import Override
from services.practice.ladder import Action, Place
from services.practice.problems import NothingToLift
from services.practice.repository import OverrideRepository
from services.practice.schemas import OverrideIn, OverrideOut
from services.questions.modules import ModuleService
from services.students.documents import Student
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from utils.clock import Clock
from utils.paging import Keyset, PageOf, PageQuery
from utils.problems import Invalid
from utils.scope import Scope
from utils.store import Store

CHANGED: Final = "practice:changed"
SORTS: Final = {"number": "number"}


@dataclass(frozen=True, slots=True)
class Means:
    """What a decision takes besides the rows that it is about."""

    store: Store
    audit: AuditService
    feed: ProgressFeed
    clock: Clock


class PracticeOverrides:
    """What admins decide about the ladder of a student."""

    def __init__(
        self, rows: OverrideRepository, students: StudentRepository, modules: ModuleService, means: Means
    ) -> None:
        self._rows, self._students, self._modules, self._means = rows, students, modules, means

    def decide(self, student_id: str, wanted: OverrideIn, actor: Actor) -> OverrideOut:
        """Unlock or lock a place for a student of the actor's, or take that back."""

        def work() -> Override:
            student = self._students.hold(actor.scope, student_id)
            if student is None:
                raise StudentNotFound()
            self._accept(wanted.place)
            own = Scope.own(student.id, student.campus_id)
            if wanted.action is Action.LIFT and not self._held(own, student.id, wanted.place):
                raise NothingToLift()
            override = self._made(student, wanted, self._rows.count(own, student.id) + 1, actor)
            self._rows.add(own, override)
            self._record(override, actor)
            self._means.store.after_commit(lambda: self._tell(override))
            return override

        return OverrideOut.of(self._means.store.atomically(work))

    def history(self, student_id: str, query: PageQuery, actor: Actor) -> PageOf[OverrideOut]:
        """Return a page of what was decided about a student, the newest first."""
        student = self._students.find(actor.scope, student_id)
        if student is None:
            raise StudentNotFound()
        keyset = Keyset.of(query, SORTS, "-number")
        rows = self._rows.list_rows(Scope.own(student.id, student.campus_id), student.id, keyset)
        return keyset.page(rows, lambda row: OverrideOut.of(Override.from_mongo(row)))

    def _accept(self, place: Place) -> None:
        """Raise Invalid for a place that no module has."""
        module = next((one for one in self._modules.all() if one.id == place.module), None)
        if module is None:
            raise Invalid.field("module", "is not one of the modules")
        if place.topic is not None and place.topic not in module.topics:
            raise Invalid.field("topic", f"is not one of the topics of {module.id}")
        if place.level is not None and place.level not in module.levels:
            raise Invalid.field("level", f"must be one of {', '.join(module.levels)}")

    def _held(self, own: Scope, student_id: str, place: Place) -> bool:
        return place in self._rows.holding(own, [student_id])[student_id]

    def _made(self, student: Student, wanted: OverrideIn, number: int, actor: Actor) -> Override:
        return Override(
            campus_id=student.campus_id,
            course_ids=student.course_ids,
            student_id=student.id,
            number=number,
            **wanted.model_dump(),
            created_by=actor.id,
            created_at=self._means.clock.now(),
        )

    def _record(self, override: Override, actor: Actor) -> None:
        self._means.audit.record(
            f"practice.{override.action}",
            actor_id=actor.id,
            campus_id=override.campus_id,
            target=f"student:{override.student_id}",
            override=override.id,
            module=override.module,
            topic=override.topic,
            level=override.level,
        )

    def _tell(self, override: Override) -> None:
        self._means.feed.publish(own_room(override.student_id), CHANGED, OverrideOut.of(override))
