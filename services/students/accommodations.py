"""What a student needs in every test: more time, more attempts, more plays. Kept once, on the student."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from models import Actor
from services.audit.service import AuditService
from services.students.documents import Accommodations, Student
from services.students.problems import StudentNotFound
from services.students.repository import StudentRepository
from utils.problems import Stale
from utils.scope import Scope
from utils.store import Store

LONGEST, MOST = 5.0, 100


class AccommodationsPut(BaseModel):
    """``time_factor`` stretches duration and window, from 1 to 5, in hundredths. What runs keeps its own."""

    model_config = ConfigDict(extra="forbid")

    time_factor: Annotated[float, Field(ge=1, le=LONGEST)] = 1.0
    extra_attempts: Annotated[int, Field(ge=0, le=MOST)] = 0
    extra_plays: Annotated[int, Field(ge=0, le=MOST)] = 0
    note: Annotated[str, StringConstraints(max_length=1_000, strip_whitespace=True)] = ""

    @field_validator("time_factor")
    @classmethod
    def _in_hundredths(cls, given: float) -> float:
        if abs(given * 100 - round(given * 100)) > 1e-6:
            raise ValueError("must have at most two decimals")
        return given


class AccommodationsOut(BaseModel):
    """``revision`` is the student's."""

    time_factor: float
    extra_attempts: int
    extra_plays: int
    note: str
    revision: int

    @classmethod
    def of(cls, student: Student) -> Self:
        """Show what is kept on a student."""
        kept = student.accommodations
        return cls(time_factor=kept.time_percent / 100, revision=student.revision, **kept.model_dump())


class StudentAccommodations:
    """Shows and changes accommodations."""

    def __init__(self, students: StudentRepository, store: Store, audit: AuditService) -> None:
        self._students, self._store, self._audit = students, store, audit

    def get(self, student_id: str, actor: Actor) -> AccommodationsOut:
        """Return what is kept on a student."""
        return AccommodationsOut.of(self._found(student_id, actor))

    def put(
        self, student_id: str, wanted: AccommodationsPut, revision: int | None, actor: Actor
    ) -> AccommodationsOut:
        """Keep it; it holds for every attempt that begins from now on."""
        kept = Accommodations(
            time_percent=round(wanted.time_factor * 100), **wanted.model_dump(exclude={"time_factor"})
        )

        def work() -> None:
            student = self._found(student_id, actor)
            if revision not in (None, student.revision):
                raise Stale()
            if kept == student.accommodations:
                return
            change = [(student, {"accommodations": kept.model_dump()})]
            if not self._students.change_each(Scope.campus(student.campus_id), change):
                raise Stale()
            self._audit.record(
                "student.accommodated",
                actor_id=actor.id,
                campus_id=student.campus_id,
                target=f"student:{student.id}",
                **kept.model_dump(exclude={"note"}),
            )

        self._store.atomically(work)
        return self.get(student_id, actor)

    def _found(self, student_id: str, actor: Actor) -> Student:
        student = self._students.find(actor.scope, student_id)
        if student is None:
            raise StudentNotFound()
        return student
