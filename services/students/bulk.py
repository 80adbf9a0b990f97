"""Adding and changing many students at once, inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from config.permissions import Role
from services.accounts.names import NewAccount
from services.accounts.service import AccountService
from services.audit.service import AuditService
from services.campuses.lookup import PlaceLookup
from services.students.documents import Student
from services.students.repository import StudentRepository
from services.students.search import terms_of
from utils.clock import Clock
from utils.problems import Invalid, Stale
from utils.scope import Scope
from utils.text import key_of

OF_THE_ACCOUNT: Final = frozenset({"name", "email", "mobile_number", "course_ids"})


@dataclass(frozen=True, slots=True)
class NewStudent:
    """A student to be made; everything in normal form, ``mobile_number`` as E.164 with its plus."""

    id: str
    campus_id: str
    batch_id: str
    course_ids: tuple[str, ...]
    roll_number: str
    username: str
    name: str
    email: str | None
    mobile_number: str | None
    import_id: str | None = None


@dataclass(frozen=True, slots=True)
class StudentChange:
    """Fields of a student to be set, if the student is still as it was read."""

    student: Student
    fields: Mapping[str, Any]


class StudentBulk:
    """Writes students with their accounts; the same rules for one and for five hundred."""

    def __init__(
        self,
        students: StudentRepository,
        accounts: AccountService,
        places: PlaceLookup,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._students, self._accounts, self._places = students, accounts, places
        self._audit, self._clock = audit, clock

    def create_many(self, scope: Scope, wanted: Sequence[NewStudent], actor_id: str) -> list[Student]:
        """Store students, their accounts and the fact that their batch is in use.

        Raises IdentifierTaken or BatchNotFound, which end the transaction.
        """
        made: list[Student] = []
        for batch_id, some in groupby(wanted, key=lambda new: new.batch_id):
            made += self._in_batch(scope, batch_id, list(some))
        ids = [new.id for new in wanted]
        self._audit.record(
            "student.created",
            actor_id=actor_id,
            campus_id=scope.campus_id,
            target=f"student:{ids[0]}" if len(ids) == 1 else "students",
            students=len(ids),
            import_id=wanted[0].import_id,
        )
        return made

    def change_many(self, scope: Scope, changes: Sequence[StudentChange], actor_id: str) -> None:
        """Set fields of students and of their accounts; raise Stale if one was changed meanwhile."""
        if not changes:
            return
        instances = self._held_instances(changes)
        prepared = [(change.student, self._with_derived(change, instances)) for change in changes]
        if self._students.change_each(scope, prepared) != len(prepared):
            raise Stale()
        for student, fields in prepared:
            account = {name: value for name, value in fields.items() if name in OF_THE_ACCOUNT}
            if account:
                self._accounts.update(scope, student.id, account)
        self._audit.record(
            "student.changed",
            actor_id=actor_id,
            campus_id=scope.campus_id,
            target=f"student:{changes[0].student.id}" if len(changes) == 1 else "students",
            students=len(changes),
            fields=sorted({name for change in changes for name in change.fields}),
            **{name: value for name, value in changes[0].fields.items() if name == "status"},
        )

    def _in_batch(self, scope: Scope, batch_id: str, wanted: Sequence[NewStudent]) -> list[Student]:
        campus_id = wanted[0].campus_id
        self._places.hold_batch(campus_id, batch_id)
        instances = self._places.instances(campus_id, batch_id)
        self._accounts.create_many(scope, [_account(new) for new in wanted])
        students = [self._student(new, instances) for new in wanted]
        self._students.add_many(scope, students)
        return students

    def _student(self, new: NewStudent, instances: Mapping[str, str]) -> Student:
        now = self._clock.now()
        return Student(
            id=new.id,
            campus_id=new.campus_id,
            batch_id=new.batch_id,
            course_ids=new.course_ids,
            instance_ids=_instances_of(new.course_ids, instances),
            roll_number=new.roll_number,
            username=new.username,
            name=new.name,
            name_key=key_of(new.name),
            email=new.email,
            mobile_number=new.mobile_number,
            terms=terms_of(new.name, new.roll_number, new.mobile_number),
            import_id=new.import_id,
            created_at=now,
            updated_at=now,
        )

    def _held_instances(self, changes: Sequence[StudentChange]) -> Mapping[str, Mapping[str, str]]:
        """Return the instance of each course, by batch, of the batches whose students change courses."""
        moving = {c.student.batch_id: c.student.campus_id for c in changes if "course_ids" in c.fields}
        for batch_id, campus_id in moving.items():
            self._places.hold_batch(campus_id, batch_id)
        return {batch: self._places.instances(campus, batch) for batch, campus in moving.items()}

    def _with_derived(
        self, change: StudentChange, instances: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Any]:
        """Return the fields with everything that is made of them."""
        student, fields = change.student, dict(change.fields)
        if "course_ids" in fields:
            taken = instances[student.batch_id]
            fields["instance_ids"] = list(_instances_of(fields["course_ids"], taken))
        name, roll_number, mobile_number = (
            fields.get(field, getattr(student, field)) for field in ("name", "roll_number", "mobile_number")
        )
        return fields | {
            "name_key": key_of(name),
            "terms": list(terms_of(name, roll_number, mobile_number)),
            "updated_at": self._clock.now(),
        }


def _instances_of(course_ids: Sequence[str], instances: Mapping[str, str]) -> tuple[str, ...]:
    if not instances.keys() >= set(course_ids):
        raise Invalid.field("course_ids", "names a course that the batch does not take any more")
    return tuple(instances[course_id] for course_id in course_ids)


def _account(new: NewStudent) -> NewAccount:
    return NewAccount(
        id=new.id,
        username=new.username,
        role=Role.STUDENT,
        name=new.name,
        email=new.email,
        mobile_number=new.mobile_number,
        campus_id=new.campus_id,
        course_ids=new.course_ids,
    )
